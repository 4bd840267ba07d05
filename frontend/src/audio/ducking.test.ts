/** Ducking moves the level to where it belongs in the time it has, and never in a jump. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Ducking } from './ducking';

const QUIET = 10 ** (-12 / 20);

describe.each([44_100, 48_000])('ducking at %i Hz', (rate) => {
  const largestStepDown = (1 - QUIET) / (0.01 * rate);
  const largestStepUp = (1 - QUIET) / (0.1 * rate);
  let ducking: Ducking;

  beforeEach(() => {
    ducking = new Ducking(rate);
  });

  /** The gain of each sample in this time. */
  function gains(ms: number): Float32Array {
    const samples = new Float32Array((rate * ms) / 1000).fill(1);
    ducking.apply(samples);
    return samples;
  }

  function expectNoClick(heard: number[]): void {
    const steps = heard.slice(1).map((gain, index) => gain - heard[index]);
    expect(Math.max(...steps)).toBeLessThanOrEqual(largestStepUp + 1e-6);
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(-largestStepDown - 1e-6);
  }

  test('leaves every sample as it is until it is asked to lower', () => {
    expect(new Set(gains(50))).toEqual(new Set([1]));
  });

  test('is 12 dB down after 10 ms, and on its way before', () => {
    ducking.lower();
    expect(gains(5).at(-1)).toBeCloseTo((1 + QUIET) / 2, 2);
    expect(gains(6).at(-1)).toBeCloseTo(QUIET, 6);
    expect(gains(500).at(-1)).toBeCloseTo(QUIET, 6);
  });

  test('is exactly as loud as before 100 ms after it was raised, and on its way before', () => {
    ducking.lower();
    gains(20);
    ducking.raise();
    expect(gains(50).at(-1)).toBeCloseTo((1 + QUIET) / 2, 2);
    gains(51);
    expect(new Set(gains(50))).toEqual(new Set([1]));
  });

  test('never clicks, also when it is turned round half-way', () => {
    const heard = [...gains(5)];
    ducking.lower();
    heard.push(...gains(4));
    ducking.raise();
    heard.push(...gains(30));
    ducking.lower();
    heard.push(...gains(20));
    ducking.raise();
    heard.push(...gains(120));
    expectNoClick(heard);
    expect(Math.min(...heard)).toBeCloseTo(QUIET, 6);
    expect(heard.at(-1)).toBe(1);
  });
});
