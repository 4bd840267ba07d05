/** What a caption looks like, and what of it is read out. */
import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, describe, expect, test } from 'vitest';
import type { AssistantCaption, CallerCaption } from '@/lib/captions/model';
import { CaptionEntry } from './CaptionEntry';

afterEach(cleanup);

const shared = { key: 1, session: 1, turn: 1, startedMs: 0, updatedMs: 0 };

function caller(text: string, final: boolean): CallerCaption {
  const segments = [{ segment: 0, revision: 0, text, final }];
  return { ...shared, speaker: 'caller', sent: true, segments };
}

function reply(outcome: AssistantCaption['outcome']): AssistantCaption {
  const words = { streamed: 'One two three.', segments: [], sources: [] };
  return { ...shared, ...words, speaker: 'assistant', outcome };
}

describe('a caption', () => {
  test('is hidden from screen readers while it is interim', () => {
    render(<CaptionEntry caption={caller('what ti', false)} />);
    expect(screen.getByText('what ti').getAttribute('aria-hidden')).toBe('true');
  });

  test('becomes a new, readable element when it is final, so that it is read out once', () => {
    const { rerender } = render(<CaptionEntry caption={caller('what ti', false)} />);
    const interim = screen.getByText('what ti');
    rerender(<CaptionEntry caption={caller('What time is it?', true)} />);
    const final = screen.getByText('What time is it?');
    expect(final).not.toBe(interim);
    expect(final.closest('[aria-hidden="true"]')).toBeNull();
  });

  test('strikes through what was never heard, and says so to screen readers', () => {
    const { container } = render(
      <CaptionEntry caption={reply({ text: 'One two three.', heardText: 'One' })} />,
    );
    expect(screen.getByText('One').dataset.kind).toBe('final');
    expect(container.querySelector('del')?.textContent).toBe('not heard: two three.');
  });

  test('links to where its words come from', () => {
    const sources = [
      { url: 'https://a.example/page', title: 'A page' },
      { url: 'https://b.example/', title: '' },
    ];
    render(<CaptionEntry caption={{ ...reply(null), sources }} />);
    const links = screen.getAllByRole('link');
    expect(links.map((link) => link.textContent)).toEqual(['A page', 'b.example']);
    expect(links[0].getAttribute('href')).toBe('https://a.example/page');
    expect(links[0].getAttribute('rel')).toBe('noreferrer');
  });

  test('strikes nothing through when the reply was heard to the end', () => {
    const { container } = render(
      <CaptionEntry caption={reply({ text: 'One two three.', heardText: null })} />,
    );
    expect(container.querySelector('del')).toBeNull();
  });
});
