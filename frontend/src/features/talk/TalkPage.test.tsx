/** The talk page as someone meets it who has never seen it. */
import { cleanup, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { currentCall } from '@/call/currentCall';
import { useConnection } from '@/stores/connection';
import { useSession } from '@/stores/session';
import { TalkPage } from './TalkPage';

const START = useSession.getInitialState();

beforeEach(() => {
  vi.stubGlobal('navigator', { ...navigator, mediaDevices: { getUserMedia: vi.fn() } });
  useSession.setState(START, true);
  useConnection.setState({ connection: { phase: 'open', attempt: 0, since: 0 } });
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

describe('the talk page', () => {
  test('has one obvious button, and says what a tap does', async () => {
    const start = vi.spyOn(currentCall(), 'start').mockImplementation(() => {});
    render(<TalkPage />);
    expect(screen.getByText('Tap to enable sound and microphone')).toBeTruthy();
    await userEvent.click(screen.getByRole('button', { name: 'Start talking' }));
    expect(start).toHaveBeenCalledOnce();
  });

  test('says before the click that an insecure address has no microphone', () => {
    vi.stubGlobal('navigator', { ...navigator, mediaDevices: undefined });
    render(<TalkPage />);
    expect(screen.getByText('The microphone does not work at this address.')).toBeTruthy();
    expect(screen.queryByRole('button', { name: 'Start talking' })).toBeNull();
    expect(screen.getByRole('textbox', { name: 'Message' })).toBeTruthy();
  });

  test('sends what is typed, and empties the field', async () => {
    const sendText = vi.spyOn(currentCall(), 'sendText').mockImplementation(() => {});
    render(<TalkPage />);
    const field = screen.getByRole<HTMLInputElement>('textbox', { name: 'Message' });
    await userEvent.type(field, '  What time is it?  {Enter}');
    expect(sendText).toHaveBeenCalledWith('What time is it?');
    expect(field.value).toBe('');
  });

  test('offers to interrupt only while there is something to interrupt', () => {
    useSession.setState({ live: true, mic: 'on', turnState: 'listening' });
    const { rerender } = render(<TalkPage />);
    const button = screen.getByRole<HTMLButtonElement>('button', { name: 'Interrupt' });
    expect(button.disabled).toBe(true);
    useSession.setState({ turnState: 'speaking' });
    rerender(<TalkPage />);
    expect(button.disabled).toBe(false);
  });

  test('counts down to the next attempt when the line is lost', () => {
    const retryAt = Date.now() + 3_000;
    useSession.setState({ live: true });
    useConnection.setState({ connection: { phase: 'reconnecting', attempt: 2, retryAt } });
    render(<TalkPage />);
    expect(screen.getByText('Trying again in 3 s.')).toBeTruthy();
    expect(screen.getByRole('button', { name: 'Retry now' })).toBeTruthy();
  });

  test.each([
    ['denied', 'The microphone is blocked for this page.'],
    ['missing', 'No microphone was found.'],
    ['in-use', 'The microphone is busy.'],
  ] as const)('explains a microphone that is %s, and offers another try', (problem, title) => {
    useSession.setState({ live: true, mic: { problem } });
    render(<TalkPage />);
    expect(screen.getByText(title)).toBeTruthy();
    expect(screen.getByRole('button', { name: 'Try again' })).toBeTruthy();
  });

  test('shows mute as a pressed button', async () => {
    useSession.setState({ live: true, mic: 'on' });
    render(<TalkPage />);
    await userEvent.click(screen.getByRole('button', { name: 'Mute', pressed: false }));
    expect(screen.getByRole('button', { name: 'Mute', pressed: true })).toBeTruthy();
    expect(screen.getByTestId('state').textContent).toBe('Muted');
  });
});
