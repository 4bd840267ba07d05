/** The ring gives samples back in order, however it wraps and grows. */
import { describe, expect, test } from 'vitest';
import { SampleRing } from './sampleRing';

function counting(from: number, count: number): Int16Array {
  return Int16Array.from({ length: count }, (_, index) => from + index);
}

function take(ring: SampleRing, count: number): number[] {
  const output = new Float32Array(count);
  ring.read(output, count);
  return [...output].map((sample) => sample * 0x8000);
}

describe('a sample ring', () => {
  test('gives back what was written, across the seam', () => {
    const ring = new SampleRing(8, 8);
    ring.write(counting(0, 6));
    take(ring, 5);
    ring.write(counting(6, 6));
    expect(take(ring, 7)).toEqual([5, 6, 7, 8, 9, 10, 11]);
  });

  test('grows without losing its order', () => {
    const ring = new SampleRing(4, 64);
    ring.write(counting(0, 4));
    take(ring, 3);
    ring.write(counting(4, 20));
    expect(take(ring, 21)).toEqual([...counting(3, 21)]);
  });

  test('keeps to its limit and says how much found room', () => {
    const ring = new SampleRing(4, 8);
    expect(ring.write(counting(0, 20))).toBe(8);
    expect(ring.length).toBe(8);
  });
});
