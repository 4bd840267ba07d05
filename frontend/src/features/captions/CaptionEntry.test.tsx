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
  return { ...shared, speaker: 'assistant', streamed: 'One two three.', segments: [], outcome };
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

  test('strikes nothing through when the reply was heard to the end', () => {
    const { container } = render(
      <CaptionEntry caption={reply({ text: 'One two three.', heardText: null })} />,
    );
    expect(container.querySelector('del')).toBeNull();
  });
});
