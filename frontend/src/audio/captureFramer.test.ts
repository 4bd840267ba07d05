/** The framer makes exact 20 ms frames of whatever the device delivers. */
import { describe, expect, test } from 'vitest';
import { type CapturedFrame, CaptureFramer, toPcm16 } from './captureFramer';
import { HEADER_BYTES } from './frame';

function capture(deviceRate: number, seconds: number, level = 0): CapturedFrame[] {
  const frames: CapturedFrame[] = [];
  const framer = new CaptureFramer(deviceRate, (frame) => frames.push(frame));
  const quantum = new Float32Array(128).fill(level);
  for (let sample = 0; sample < deviceRate * seconds; sample += 128) {
    framer.push(quantum, Math.round((sample / deviceRate) * 1e6));
  }
  return frames;
}

describe('captured frames', () => {
  test.each([44_100, 48_000, 16_000])('come fifty to the second at %i Hz', (rate) => {
    const { length } = capture(rate, 2);
    expect(length).toBeGreaterThanOrEqual(99);
    expect(length).toBeLessThanOrEqual(100);
  });

  test('hold the header and 320 samples each', () => {
    for (const frame of capture(48_000, 0.5))
      expect(frame.buffer.byteLength).toBe(HEADER_BYTES + 640);
  });

  test('carry the capture time of their first sample, 20 ms apart', () => {
    const times = capture(48_000, 1).map((frame) => frame.captureTimeUs);
    for (let index = 1; index < times.length; index += 1) {
      expect(Math.abs(times[index] - times[index - 1] - 20_000)).toBeLessThanOrEqual(2_667);
    }
  });

  test('are clamped where the signal is beyond full scale', () => {
    expect([toPcm16(1.004), toPcm16(-1.2), toPcm16(0), toPcm16(1), toPcm16(-1)]).toEqual([
      32_767, -32_768, 0, 32_767, -32_768,
    ]);
  });

  test('keep a steady level steady', () => {
    const [frame] = capture(44_100, 0.5, 0.5).slice(-1);
    const samples = new Int16Array(frame.buffer, HEADER_BYTES);
    expect(Math.min(...samples)).toBeGreaterThan(16_370);
    expect(Math.max(...samples)).toBeLessThan(16_397);
  });
});
