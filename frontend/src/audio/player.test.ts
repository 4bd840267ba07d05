/** The page always answers a clear, even while the audio thread stands still. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Player } from './player';
import type { PlayerReport } from './worklets/messages';

const counts = {
  samplesPlayed: 0,
  underruns: 0,
  lateFrames: 0,
  overflowSamples: 0,
  queuedMs: 0,
  lastAudibleAt: 0,
};

function setUp() {
  const played: [number, number][] = [];
  const port = { postMessage: vi.fn(), onmessage: null } as unknown as MessagePort;
  const onStopped = vi.fn();
  const player = new Player(
    { onStarted: vi.fn(), onPlayed: (epoch, ms) => played.push([epoch, ms]), onStopped },
    () => 1.5,
  );
  const report = (news: object) =>
    port.onmessage?.({ data: { ...news, counts } as PlayerReport } as MessageEvent);
  return { player, port, played, report, onStopped };
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('the player', () => {
  test('passes on what the worklet says was played', () => {
    const { player, port, played, report } = setUp();
    player.attach(port);
    report({ type: 'started', epoch: 3 });
    report({ type: 'progress', epoch: 3, playedMs: 250 });
    report({ type: 'finished', epoch: 3, playedMs: 480 });
    expect(played).toEqual([
      [3, 250],
      [3, 480],
    ]);
  });

  test('answers a clear once, with what the worklet counted', () => {
    const { player, port, played, report } = setUp();
    player.attach(port);
    player.clear(3);
    report({ type: 'cleared', epoch: 3, playedMs: 310 });
    vi.advanceTimersByTime(1000);
    expect(played).toEqual([[3, 310]]);
  });

  test('answers a clear with the last count it has when the worklet is asleep', () => {
    const { player, port, played, report } = setUp();
    player.attach(port);
    report({ type: 'started', epoch: 3 });
    report({ type: 'progress', epoch: 3, playedMs: 250 });
    player.clear(3);
    vi.advanceTimersByTime(100);
    expect(played.at(-1)).toEqual([3, 250]);
  });

  test('does not answer again when the worklet wakes up later', () => {
    const { player, port, played, report } = setUp();
    player.attach(port);
    player.clear(3);
    vi.advanceTimersByTime(100);
    report({ type: 'cleared', epoch: 3, playedMs: 260 });
    expect(played).toEqual([[3, 0]]);
  });

  test('answers a clear with zero for an epoch that never sounded', () => {
    const { player, played } = setUp();
    player.clear(8);
    vi.advanceTimersByTime(100);
    expect(played).toEqual([[8, 0]]);
  });

  test('sends the audio clock along, so that the worklet can measure its own silence', () => {
    const { player, port } = setUp();
    player.attach(port);
    player.clear(2);
    expect(port.postMessage).toHaveBeenCalledWith({ type: 'clear', epoch: 2, receivedAt: 1.5 });
  });

  test('tells the worklet whether the caller speaks', () => {
    const { player, port, played } = setUp();
    player.attach(port);
    player.duck(true);
    expect(port.postMessage).toHaveBeenCalledWith({ type: 'duck', speaking: true });
    expect(played).toEqual([]);
  });

  test('keeps what came before the worklet was loaded', () => {
    const { player, port } = setUp();
    player.play(new ArrayBuffer(18));
    player.end(1);
    player.attach(port);
    expect(port.postMessage).toHaveBeenCalledTimes(2);
  });

  test('owes no answers to a session that is gone', () => {
    const { player, played } = setUp();
    player.clear(8);
    player.reset();
    vi.advanceTimersByTime(1000);
    expect(played).toEqual([]);
  });
});
