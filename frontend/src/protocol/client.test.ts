/** The client keeps one socket alive, and gives up only when told to. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { GatewayClient } from './client';
import type { ConnectionState } from './connection';

/** A socket whose other end is the test. */
class FakeSocket {
  readyState = WebSocket.OPEN as number;
  bufferedAmount = 0;
  sent: unknown[] = [];
  binaryType = '';
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;

  send(data: string): void {
    this.sent.push(typeof data === 'string' ? JSON.parse(data) : data);
  }

  close(): void {
    this.readyState = WebSocket.CLOSED;
  }
}

let sockets: FakeSocket[];
let states: ConnectionState[];
let texts: string[];
let client: GatewayClient;

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  states = [];
  texts = [];
  client = new GatewayClient({
    address: () => 'ws://gateway/voice/new',
    pushToTalk: () => true,
    onText: (text) => texts.push(text),
    onAudio: () => {},
    onState: (state) => states.push(state),
    openSocket: () => {
      sockets.push(new FakeSocket());
      return sockets[sockets.length - 1] as unknown as WebSocket;
    },
    random: () => 0.5,
  });
});

afterEach(() => {
  vi.useRealTimers();
});

function connect(): FakeSocket {
  client.start();
  sockets[0].onopen?.();
  client.ready();
  return sockets[0];
}

function phases(): string[] {
  return states.map((state) => state.phase);
}

describe('the client', () => {
  test('says hello first, with the formats of this page', () => {
    const socket = connect();
    expect(socket.sent[0]).toEqual({
      type: 'hello',
      protocol: 1,
      input: { encoding: 'pcm_s16le', sample_rate: 16000, header: true },
      output: { encoding: 'pcm_s16le', sample_rate: 24000, framing: 'binary' },
      push_to_talk: true,
    });
  });

  test('sends nothing else before the session is ready', () => {
    client.start();
    sockets[0].onopen?.();
    expect(client.send({ type: 'commit' })).toBe(false);
    expect(sockets[0].sent).toHaveLength(1);
  });

  test('reconnects by itself when the gateway restarts', () => {
    connect().onclose?.({ code: 1012, reason: 'restarting' });
    expect(states.at(-1)).toMatchObject({ phase: 'reconnecting', attempt: 1 });
    vi.advanceTimersByTime(125);
    expect(sockets).toHaveLength(2);
    expect(phases()).toEqual(['connecting', 'open', 'reconnecting', 'connecting']);
  });

  test('reconnects at once when asked to', () => {
    connect().onclose?.({ code: 1013, reason: 'Retry-After: 30' });
    client.retryNow();
    expect(sockets).toHaveLength(2);
  });

  test('waits as long as an overloaded gateway asks', () => {
    connect().onclose?.({ code: 1013, reason: 'Retry-After: 30' });
    vi.advanceTimersByTime(29_999);
    expect(sockets).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(sockets).toHaveLength(2);
  });

  test.each([4400, 4401, 4403, 4409])('gives up after close code %i, and says why', (code) => {
    connect().onclose?.({ code, reason: '' });
    vi.advanceTimersByTime(60_000);
    expect(states.at(-1)).toMatchObject({ phase: 'failed', reason: expect.stringMatching(/\.$/) });
    expect(sockets).toHaveLength(1);
  });

  test('pings, and takes a line that stays silent for dead', () => {
    const socket = connect();
    vi.advanceTimersByTime(5_000);
    expect(
      socket.sent.filter((message) => (message as { type: string }).type === 'ping'),
    ).toHaveLength(2);
    vi.advanceTimersByTime(5_000);
    expect(states.at(-1)).toMatchObject({ phase: 'reconnecting' });
    expect(socket.readyState).toBe(WebSocket.CLOSED);
  });

  test('does not mistake a timer that the browser slowed down for a dead line', () => {
    const socket = connect();
    socket.onmessage?.({ data: '{"type":"pong"}' });
    vi.setSystemTime(Date.now() + 60_000);
    vi.advanceTimersByTime(5_000);
    expect(states.at(-1)).toMatchObject({ phase: 'open' });
  });

  test('keeps a line on which something still comes', () => {
    const socket = connect();
    for (let second = 0; second < 60; second += 5) {
      vi.advanceTimersByTime(5_000);
      socket.onmessage?.({ data: '{"type":"pong"}' });
    }
    expect(states.at(-1)).toMatchObject({ phase: 'open' });
    expect(texts).toHaveLength(12);
  });

  test('takes a gateway that never gets ready for lost', () => {
    client.start();
    sockets[0].onopen?.();
    vi.advanceTimersByTime(10_000);
    expect(states.at(-1)).toMatchObject({ phase: 'reconnecting' });
  });

  test('says goodbye and stays away when the caller ends the call', () => {
    const socket = connect();
    client.stop();
    expect(socket.sent.at(-1)).toEqual({ type: 'end' });
    vi.advanceTimersByTime(60_000);
    expect(phases()).toEqual(['connecting', 'open', 'closed']);
    expect(sockets).toHaveLength(1);
  });

  test('hears nothing more from a socket it has let go', () => {
    const socket = connect();
    client.stop();
    expect(socket.onmessage).toBeNull();
    expect(socket.onclose).toBeNull();
  });
});
