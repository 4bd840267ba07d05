/** How loud a path is right now, on a scale that fits the eye. */

const QUIETEST_DB = -60;
const LOUDEST_DB = -12;

export class LevelMeter {
  private readonly samples = new Float32Array(1024);

  /** 0 (silent) to 1 (loud speech). */
  read(analyser: AnalyserNode | null): number {
    if (!analyser) return 0;
    analyser.getFloatTimeDomainData(this.samples);
    return visibleLevel(rms(this.samples));
  }
}

export function rms(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.sqrt(sum / samples.length);
}

/** Decibels, because loudness is heard that way and a linear meter would hardly move. */
export function visibleLevel(amplitude: number): number {
  if (amplitude <= 0) return 0;
  const db = 20 * Math.log10(amplitude);
  return Math.max(0, Math.min(1, (db - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB)));
}
