/** Makes a reply quieter while the caller speaks over it, and loud again, without a click. */

/** 12 dB less: clearly yielding, yet still understood if it was only a cough. */
const DUCKED = 10 ** (-12 / 20);
const LOWER_SECONDS = 0.01;
const RAISE_SECONDS = 0.1;

export class Ducking {
  private readonly stepDown: number;
  private readonly stepUp: number;
  private gain = 1;
  private target = 1;

  constructor(rate: number) {
    this.stepDown = (1 - DUCKED) / (LOWER_SECONDS * rate);
    this.stepUp = (1 - DUCKED) / (RAISE_SECONDS * rate);
  }

  lower(): void {
    this.target = DUCKED;
  }

  raise(): void {
    this.target = 1;
  }

  apply(samples: Float32Array): void {
    for (let index = 0; index < samples.length; index += 1) {
      const missing = this.target - this.gain;
      this.gain += Math.max(-this.stepDown, Math.min(this.stepUp, missing));
      samples[index] *= this.gain;
    }
  }
}
