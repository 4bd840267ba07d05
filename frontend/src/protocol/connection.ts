/** The connection's state machine: pure, with time and chance as arguments. */
import { backoffMs } from '../lib/backoff';

export type ConnectionState =
  | { phase: 'idle' }
  | { phase: 'connecting'; attempt: number }
  | { phase: 'open'; attempt: number; since: number }
  | { phase: 'reconnecting'; attempt: number; retryAt: number }
  | { phase: 'closed' }
  | { phase: 'failed'; reason: string };

export type ConnectionEvent =
  | { type: 'start' }
  | { type: 'ready'; now: number }
  | { type: 'lost'; now: number; random: () => number; retryAfterMs: number }
  | { type: 'refused'; reason: string }
  | { type: 'retry' }
  | { type: 'stop' };

type Phase = ConnectionState['phase'];
type EventOf<T> = Extract<ConnectionEvent, { type: T }>;
type Step<P, T> = (
  state: Extract<ConnectionState, { phase: P }>,
  event: EventOf<T>,
) => ConnectionState;
type Table = { [P in Phase]: { [T in ConnectionEvent['type']]?: Step<P, T> } };

/** A connection that held this long was a good one: the next loss starts counting from one. */
const STABLE_MS = 5_000;

const connecting = (attempt: number): ConnectionState => ({ phase: 'connecting', attempt });
const start = () => connecting(0);
const stop = (): ConnectionState => ({ phase: 'closed' });
const refused = (_: unknown, { reason }: EventOf<'refused'>): ConnectionState => ({
  phase: 'failed',
  reason,
});

function waiting(attempt: number, event: EventOf<'lost'>): ConnectionState {
  const wait = Math.max(backoffMs(attempt, event.random), event.retryAfterMs);
  return { phase: 'reconnecting', attempt, retryAt: event.now + wait };
}

const TABLE: Table = {
  idle: { start },
  connecting: {
    ready: ({ attempt }, { now }) => ({ phase: 'open', attempt, since: now }),
    lost: ({ attempt }, event) => waiting(attempt + 1, event),
    refused,
    stop,
  },
  open: {
    lost: ({ attempt, since }, event) =>
      waiting(event.now - since >= STABLE_MS ? 1 : attempt + 1, event),
    refused,
    stop,
  },
  reconnecting: {
    retry: ({ attempt }) => connecting(attempt),
    stop,
  },
  closed: { start },
  failed: { start, stop },
};

/** An event that the phase does not know came too late (a socket closing after the call): nothing changes. */
export function transition(state: ConnectionState, event: ConnectionEvent): ConnectionState {
  const step = TABLE[state.phase][event.type] as Step<Phase, ConnectionEvent['type']> | undefined;
  return step ? step(state, event) : state;
}
