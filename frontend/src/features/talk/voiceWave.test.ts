/** The line shows who speaks, where the sound is by now, and stays within its room. */
import { describe, expect, test } from 'vitest';
import { LINE_HEIGHT, STRAND_COUNT, VoiceWave } from './voiceWave';

/** Heights over the middle at equal steps along the line, from the caller's end to the assistant's. */
function heights(path: string): number[] {
  const points = path.slice(1).split('L');
  return points.map((point) => LINE_HEIGHT / 2 - Number(point.split(' ')[1]));
}

function loudest(part: number[]): number {
  return Math.max(...part.map(Math.abs));
}

describe('the line', () => {
  test('carries a sound from the caller to the assistant', () => {
    const wave = new VoiceWave();
    for (let frame = 0; frame <= 60; frame += 1) wave.push(frame / 60, 0, 0);
    for (let frame = 61; frame <= 78; frame += 1) wave.push(frame / 60, 1, 0);
    const line = heights(wave.path(0, 1.3));
    const near = loudest(line.slice(0, 50));
    const far = loudest(line.slice(110));
    expect(near).toBeGreaterThan(4 * far);
  });

  test('never leaves its room, even when both speak at once', () => {
    const wave = new VoiceWave();
    for (let frame = 0; frame <= 120; frame += 1) wave.push(frame / 60, 1, 1);
    for (let strand = 0; strand < STRAND_COUNT; strand += 1) {
      expect(loudest(heights(wave.path(strand, 2)))).toBeLessThan(LINE_HEIGHT / 2);
    }
  });

  test('is tied to both ends', () => {
    const wave = new VoiceWave();
    wave.push(0, 1, 1);
    const line = heights(wave.path(0, 0));
    expect(line[0]).toBeCloseTo(0);
    expect(line.at(-1)).toBeCloseTo(0);
  });
});
