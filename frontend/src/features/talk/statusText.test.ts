/** The state of the call in words. */
import { describe, expect, test } from 'vitest';
import type { ConnectionState } from '@/protocol/connection';
import { NEW_CALL, type SessionView } from '@/stores/session';
import { statusText } from './statusText';

const OPEN: ConnectionState = { phase: 'open', attempt: 0, since: 0 };

function say(session: Partial<SessionView>, connection = OPEN) {
  const call = { ...NEW_CALL, live: true, mode: 'hands-free', mic: 'on' } as const;
  return statusText({ ...call, ...session }, connection);
}

describe('the state in words', () => {
  test.each([
    [{ turnState: 'listening' }, 'Listening', 'Speak when you like.'],
    [{ turnState: 'hearing' }, 'Hearing you', ''],
    [{ turnState: 'thinking' }, 'Thinking', ''],
    [{ turnState: 'speaking' }, 'Speaking', 'Just speak to interrupt.'],
    [{ turnState: 'listening', playing: true }, 'Speaking', 'Just speak to interrupt.'],
    [{ mode: 'push-to-talk' }, 'Ready', 'Hold the button, or the space bar, and speak.'],
    [{ mode: 'push-to-talk', holding: true }, 'Listening', 'Let go when you have finished.'],
    [{ muted: true, turnState: 'listening' }, 'Muted', 'Tandem cannot hear you.'],
    [{ mic: 'asking' }, 'Microphone?', 'Your browser is asking. Choose Allow.'],
    [{ mic: { problem: 'denied' } }, 'Ready', 'Type a message below.'],
    [{ live: false }, 'Call ended', ''],
  ] as [Partial<SessionView>, string, string][])('%o is "%s"', (session, state, hint) => {
    expect(say(session)).toEqual({ state, hint });
  });

  test('a lost line comes before everything else', () => {
    const lost: ConnectionState = { phase: 'reconnecting', attempt: 1, retryAt: 0 };
    expect(say({ turnState: 'speaking' }, lost).state).toBe('Line lost');
  });
});
