/** The connection's phases, and which event leads where. */
import { describe, expect, test } from 'vitest';
import { type ConnectionEvent, type ConnectionState, transition } from './connection';

const half = () => 0.5;
const lost = (now: number, retryAfterMs = 0): ConnectionEvent => ({
  type: 'lost',
  now,
  random: half,
  retryAfterMs,
});

function run(...events: ConnectionEvent[]): ConnectionState {
  return events.reduce<ConnectionState>(transition, { phase: 'idle' });
}

describe('the connection', () => {
  test('opens by way of connecting', () => {
    expect(run({ type: 'start' }, { type: 'ready', now: 100 })).toEqual({
      phase: 'open',
      attempt: 0,
      since: 100,
    });
  });

  test('waits longer after each failed attempt', () => {
    const first = run({ type: 'start' }, lost(0));
    expect(first).toEqual({ phase: 'reconnecting', attempt: 1, retryAt: 125 });
    const second = [{ type: 'retry' } as const, lost(1000)].reduce(transition, first);
    expect(second).toEqual({ phase: 'reconnecting', attempt: 2, retryAt: 1250 });
  });

  test('starts counting anew after five good seconds', () => {
    const open: ConnectionState = { phase: 'open', attempt: 4, since: 0 };
    expect(transition(open, lost(5000))).toMatchObject({ attempt: 1 });
  });

  test('goes on counting when an open line breaks at once', () => {
    const open: ConnectionState = { phase: 'open', attempt: 4, since: 0 };
    expect(transition(open, lost(4999))).toMatchObject({ attempt: 5 });
  });

  test('stays away as long as an overloaded gateway asks', () => {
    expect(run({ type: 'start' }, lost(0, 5000))).toMatchObject({ retryAt: 5000 });
  });

  test('stops for good when it is refused', () => {
    const state = run({ type: 'start' }, { type: 'refused', reason: 'Not yours.' });
    expect(state).toEqual({ phase: 'failed', reason: 'Not yours.' });
    expect(transition(state, { type: 'retry' })).toBe(state);
    expect(transition(state, { type: 'start' })).toMatchObject({ phase: 'connecting' });
  });

  test('is not woken by events that come too late', () => {
    const closed = run({ type: 'start' }, { type: 'stop' });
    for (const event of [lost(0), { type: 'ready', now: 0 }, { type: 'retry' }] as const) {
      expect(transition(closed, event)).toBe(closed);
    }
  });
});
