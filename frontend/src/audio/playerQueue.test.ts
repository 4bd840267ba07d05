/** The player queue sounds each reply once, exactly, and falls silent at once when told to. */
import { beforeEach, describe, expect, test } from 'vitest';
import { OUTPUT_RATE } from './frame';
import { rms } from './levels';
import { type PlayerEvent, PlayerQueue } from './playerQueue';

const DEVICE_RATE = 48_000;

let events: PlayerEvent[];
let queue: PlayerQueue;

beforeEach(() => {
  events = [];
  queue = new PlayerQueue(DEVICE_RATE, (event) => events.push(event));
});

function loud(ms: number): Int16Array {
  return new Int16Array((OUTPUT_RATE * ms) / 1000).fill(16_000);
}

/** Everything that comes out in this time, at the device rate. */
function listen(ms: number): Float32Array {
  const heard: number[] = [];
  const quantum = new Float32Array(128);
  while (heard.length < (DEVICE_RATE * ms) / 1000) {
    queue.render(quantum);
    heard.push(...quantum);
  }
  return Float32Array.from(heard);
}

function types(): string[] {
  return events.map(({ type, epoch }) => `${type} ${epoch}`);
}

describe('the player queue', () => {
  test('waits for 40 ms before it starts', () => {
    queue.frame(1, loud(30));
    expect(rms(listen(100))).toBe(0);
    queue.frame(1, loud(10));
    expect(rms(listen(20))).toBeGreaterThan(0.4);
    expect(types()).toEqual(['started 1']);
  });

  test('starts a reply shorter than the prebuffer once its end is known', () => {
    queue.frame(1, loud(20));
    queue.end(1);
    listen(60);
    expect(events.at(-1)).toEqual({ type: 'finished', epoch: 1, playedMs: 20 });
  });

  test('plays every sample of a reply and then says so', () => {
    for (let frame = 0; frame < 50; frame += 1) queue.frame(1, loud(20));
    queue.end(1);
    listen(1100);
    expect(types()).toEqual(['started 1', 'finished 1']);
    expect(events.at(-1)).toMatchObject({ playedMs: 1000 });
    expect(queue.samplesPlayed).toBe(OUTPUT_RATE);
    expect(queue.underruns).toBe(0);
  });

  test('is silent within 6 ms of a clear, fading on the way', () => {
    queue.frame(1, loud(2000));
    listen(500);
    queue.clear(1);
    const after = listen(1000);
    const fade = (DEVICE_RATE * 5) / 1000;
    expect(rms(after.subarray(0, fade))).toBeGreaterThan(0.1);
    expect(after[10]).toBeGreaterThan(after[200]);
    expect(rms(after.subarray(fade))).toBe(0);
    expect(queue.queuedMs).toBe(0);
  });

  test('never plays frames of a cleared epoch that come late', () => {
    queue.frame(1, loud(500));
    listen(100);
    queue.clear(1);
    listen(20);
    for (let frame = 0; frame < 140; frame += 1) queue.frame(1, loud(20));
    expect(rms(listen(1000))).toBe(0);
    expect(queue.lateFrames).toBe(140);
  });

  test('tells how much of a cleared epoch was played, also when asked twice', () => {
    queue.frame(7, loud(2000));
    listen(500);
    const played = queue.clear(7);
    expect(played).toBeGreaterThanOrEqual(495);
    expect(played).toBeLessThanOrEqual(512);
    expect(queue.clear(7)).toBe(played);
  });

  test('tells zero for a cleared epoch that never sounded', () => {
    expect(queue.clear(3)).toBe(0);
    queue.frame(3, loud(100));
    expect(rms(listen(100))).toBe(0);
  });

  test('plays the next epoch after a clear, from its beginning', () => {
    queue.frame(1, loud(2000));
    listen(200);
    queue.clear(1);
    queue.frame(2, loud(300));
    queue.end(2);
    expect(rms(listen(400))).toBeGreaterThan(0.1);
    expect(events.at(-1)).toEqual({ type: 'finished', epoch: 2, playedMs: 300 });
  });

  test('plays two replies one after the other, each counted for itself', () => {
    queue.frame(1, loud(200));
    queue.end(1);
    queue.frame(2, loud(100));
    queue.end(2);
    listen(400);
    expect(types()).toEqual(['started 1', 'finished 1', 'started 2', 'finished 2']);
    expect(queue.playedMs(1)).toBe(200);
    expect(queue.playedMs(2)).toBe(100);
  });

  test('counts an underrun, waits for 40 ms again, and the next turn starts fresh', () => {
    queue.frame(1, loud(100));
    listen(200);
    expect(queue.underruns).toBe(1);
    queue.frame(1, loud(20));
    expect(rms(listen(50))).toBe(0);
    queue.frame(1, loud(20));
    queue.end(1);
    listen(100);
    expect(events.at(-1)).toMatchObject({ type: 'finished', epoch: 1, playedMs: 140 });
    queue.frame(2, loud(40));
    expect(rms(listen(10))).toBeGreaterThan(0.1);
  });

  test('finishes when the end is told after the last sample was played', () => {
    queue.frame(1, loud(100));
    listen(200);
    queue.end(1);
    listen(10);
    expect(events.at(-1)).toEqual({ type: 'finished', epoch: 1, playedMs: 100 });
  });

  test('finishes at once a reply that had no audio', () => {
    queue.end(4);
    expect(events).toEqual([{ type: 'finished', epoch: 4, playedMs: 0 }]);
  });

  test('accepts low epochs again after a reset', () => {
    queue.frame(9, loud(500));
    listen(100);
    queue.reset();
    listen(20);
    queue.frame(1, loud(100));
    expect(rms(listen(50))).toBeGreaterThan(0.1);
  });
});

describe('while the caller speaks over a reply', () => {
  const FULL = 16_000 / 0x8000;
  const QUIET = FULL * 10 ** (-12 / 20);

  function speakOver(epoch: number): void {
    queue.frame(epoch, loud(2000));
    listen(500);
    queue.duck(true);
    listen(20);
  }

  test('the reply is 12 dB quieter, and as loud as before when the caller falls silent', () => {
    speakOver(1);
    expect(rms(listen(200))).toBeCloseTo(QUIET, 3);
    queue.duck(false);
    listen(110);
    expect(rms(listen(200))).toBeCloseTo(FULL, 3);
  });

  test('the level never jumps by more than its ramp allows', () => {
    queue.frame(1, loud(2000));
    listen(500);
    const heard = [...listen(20)];
    queue.duck(true);
    heard.push(...listen(100));
    queue.duck(false);
    heard.push(...listen(200));
    const jumps = heard.slice(1).map((sample, index) => Math.abs(sample - heard[index]));
    expect(Math.max(...jumps)).toBeLessThan((1.1 * (FULL - QUIET)) / (0.01 * DEVICE_RATE));
  });

  test('the reply is counted as if it were loud', () => {
    speakOver(1);
    queue.end(1);
    listen(1600);
    expect(types()).toEqual(['started 1', 'finished 1']);
    expect(events.at(-1)).toMatchObject({ playedMs: 2000 });
    expect(queue.samplesPlayed).toBe(2 * OUTPUT_RATE);
  });

  test('a clear silences it as soon as ever, still fading', () => {
    speakOver(1);
    queue.clear(1);
    const after = listen(100);
    const fade = (DEVICE_RATE * 5) / 1000;
    expect(after[0]).toBeCloseTo(QUIET, 2);
    expect(after[10]).toBeGreaterThan(after[200]);
    expect(rms(after.subarray(fade))).toBe(0);
  });

  test('the reply after a clear is at full level, also while the caller still speaks', () => {
    speakOver(1);
    queue.clear(1);
    listen(110);
    queue.frame(2, loud(500));
    listen(20);
    expect(rms(listen(200))).toBeCloseTo(FULL, 3);
  });

  test('a reply that follows at once comes back to full level', () => {
    queue.frame(1, loud(100));
    queue.end(1);
    queue.frame(2, loud(1000));
    listen(50);
    queue.duck(true);
    listen(200);
    expect(types()).toEqual(['started 1', 'finished 1', 'started 2']);
    expect(rms(listen(200))).toBeCloseTo(FULL, 3);
  });

  test('a reply stays quiet when it has run dry and goes on', () => {
    queue.frame(1, loud(100));
    listen(50);
    queue.duck(true);
    listen(200);
    queue.frame(1, loud(500));
    listen(20);
    expect(rms(listen(200))).toBeCloseTo(QUIET, 3);
  });

  test('a reply that begins after the caller did is at full level', () => {
    queue.duck(true);
    queue.frame(1, loud(500));
    listen(20);
    expect(rms(listen(200))).toBeCloseTo(FULL, 3);
  });

  test('a reset brings the level back', () => {
    speakOver(9);
    queue.reset();
    listen(110);
    queue.frame(1, loud(500));
    listen(20);
    expect(rms(listen(200))).toBeCloseTo(FULL, 3);
  });
});
