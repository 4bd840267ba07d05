/** The resampler keeps speech as it is and lets nothing above the band through. */
import { describe, expect, test } from 'vitest';
import { rms } from './levels';
import { Resampler } from './resampler';

function sine(hertz: number, rate: number, seconds: number): Float32Array {
  return Float32Array.from({ length: rate * seconds }, (_, index) =>
    Math.sin((2 * Math.PI * hertz * index) / rate),
  );
}

/** Pushed in quanta of 128 samples, as the audio thread does it. */
function resample(input: Float32Array, inputRate: number, outputRate: number): Float32Array {
  const resampler = new Resampler(inputRate, outputRate);
  const output: number[] = [];
  const chunk = new Float32Array(512);
  for (let start = 0; start < input.length; start += 128) {
    resampler.push(input.subarray(start, start + 128));
    const count = resampler.pull(chunk);
    output.push(...chunk.subarray(0, count));
  }
  return Float32Array.from(output);
}

/** Gain in dB, the filter's first and last moments left out. */
function gainDb(hertz: number, inputRate: number, outputRate: number): number {
  const output = resample(sine(hertz, inputRate, 1), inputRate, outputRate);
  const steady = output.subarray(outputRate * 0.2, outputRate * 0.8);
  return 20 * Math.log10(rms(steady) / Math.SQRT1_2);
}

describe('a resampler', () => {
  test.each([
    [44_100, 16_000],
    [48_000, 16_000],
    [96_000, 16_000],
    [24_000, 44_100],
    [24_000, 48_000],
    [16_000, 16_000],
  ])('keeps 440 Hz within 0.1 dB from %i to %i Hz', (inputRate, outputRate) => {
    expect(Math.abs(gainDb(440, inputRate, outputRate))).toBeLessThan(0.1);
  });

  test.each([44_100, 48_000])('leaves less than -60 dB of 11 kHz from %i to 16,000 Hz', (rate) => {
    expect(gainDb(11_000, rate, 16_000)).toBeLessThan(-60);
  });

  test.each([44_100, 48_000])('leaves less than -60 dB of images from 24,000 to %i Hz', (rate) => {
    const output = resample(sine(1000, 24_000, 1), 24_000, rate);
    let worst = 0;
    for (let index = rate * 0.2; index < rate * 0.8; index += 1) {
      const ideal = Math.sin((2 * Math.PI * 1000 * index) / rate);
      worst = Math.max(worst, Math.abs(output[index] - ideal));
    }
    expect(20 * Math.log10(worst)).toBeLessThan(-60);
  });

  test('gives as many samples as the rates promise', () => {
    const output = resample(new Float32Array(44_100), 44_100, 16_000);
    expect(output.length).toBeGreaterThan(15_950);
    expect(output.length).toBeLessThanOrEqual(16_000);
  });

  test('says exactly how much input an output needs', () => {
    const resampler = new Resampler(24_000, 44_100);
    const output = new Float32Array(128);
    for (let quantum = 0; quantum < 50; quantum += 1) {
      const needed = resampler.inputNeeded(output.length);
      resampler.push(new Float32Array(needed));
      expect(resampler.pull(output)).toBe(output.length);
      expect(resampler.pull(output)).toBeLessThan(2);
      resampler.reset();
    }
  });

  test('gives the same sound whatever the size of the pieces', () => {
    const input = sine(300, 48_000, 0.1);
    const whole = new Float32Array(1600);
    const resampler = new Resampler(48_000, 16_000);
    resampler.push(input);
    const count = resampler.pull(whole);
    const pieces = resample(input.subarray(0, 4736), 48_000, 16_000);
    expect(count).toBeGreaterThanOrEqual(pieces.length);
    expect(pieces).toEqual(whole.subarray(0, pieces.length));
  });

  test('forgets what it heard when it is reset', () => {
    const resampler = new Resampler(24_000, 48_000);
    const output = new Float32Array(128);
    resampler.push(sine(440, 24_000, 0.1));
    resampler.pull(output);
    resampler.reset();
    resampler.push(new Float32Array(200));
    resampler.pull(output);
    expect(rms(output)).toBe(0);
  });
});
