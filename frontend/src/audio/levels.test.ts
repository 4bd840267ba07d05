/** The level meter moves with loudness as it is heard. */
import { describe, expect, test } from 'vitest';
import { rms, visibleLevel } from './levels';

describe('a level', () => {
  test('is nothing for silence and full for loud speech', () => {
    expect(visibleLevel(0)).toBe(0);
    expect(visibleLevel(0.9)).toBe(1);
  });

  test('grows by equal steps for equal ratios', () => {
    const step = visibleLevel(0.02) - visibleLevel(0.01);
    expect(visibleLevel(0.04) - visibleLevel(0.02)).toBeCloseTo(step, 5);
  });

  test('is the root of the mean square', () => {
    expect(rms(Float32Array.of(1, -1, 1, -1))).toBe(1);
  });
});
