/** Streaming polyphase windowed-sinc resampler between any two whole sample rates. */

/** Zero crossings on each side: a transition band of about 1.7 kHz at 16 kHz out, and 1.5 ms of delay. */
const ZERO_CROSSINGS = 24;
/** A Kaiser window of this shape leaves about 80 dB of stop band. */
const KAISER_BETA = 8;
/** Where the pass band ends, as a part of the lower Nyquist frequency. */
const CUTOFF = 0.92;

export class Resampler {
  private readonly up: number;
  private readonly down: number;
  private readonly phases: Float32Array[];
  private readonly taps: number;
  private buffer = new Float32Array(4096);
  private start = 0;
  private end = 0;
  private phase = 0;

  constructor(inputRate: number, outputRate: number) {
    const divisor = greatestCommonDivisor(inputRate, outputRate);
    this.up = outputRate / divisor;
    this.down = inputRate / divisor;
    this.phases = this.up === this.down ? [new Float32Array([1])] : kernels(this.up, this.down);
    this.taps = this.phases[0].length;
    this.reset();
  }

  /** How many zeros, pushed after the last sample, bring that sample out. */
  get tail(): number {
    return this.taps >> 1;
  }

  /** Forgets everything heard so far; the next output is aligned with the next input. */
  reset(): void {
    this.buffer.fill(0);
    this.start = 0;
    this.end = Math.max(0, (this.taps >> 1) - 1);
    this.phase = 0;
  }

  push(samples: Float32Array): void {
    this.makeRoom(samples.length);
    this.buffer.set(samples, this.end);
    this.end += samples.length;
  }

  /** How many more input samples `count` outputs need. */
  inputNeeded(count: number): number {
    if (count <= 0) return 0;
    const lastWindow = this.start + Math.floor((this.phase + (count - 1) * this.down) / this.up);
    return Math.max(0, lastWindow + this.taps - this.end);
  }

  /** Fills `output` from `offset` on as far as the input reaches; says how many samples it wrote. */
  pull(output: Float32Array, offset = 0): number {
    let written = 0;
    while (offset + written < output.length && this.start + this.taps <= this.end) {
      output[offset + written] = this.interpolate();
      written += 1;
      this.phase += this.down;
      this.start += Math.floor(this.phase / this.up);
      this.phase %= this.up;
    }
    return written;
  }

  private interpolate(): number {
    const kernel = this.phases[this.phase];
    const { buffer, start, taps } = this;
    let sum = 0;
    for (let tap = 0; tap < taps; tap += 1) sum += kernel[tap] * buffer[start + tap];
    return sum;
  }

  /** Moves what is still needed to the front; allocates only when that is not enough. */
  private makeRoom(count: number): void {
    if (this.end + count <= this.buffer.length) return;
    const held = this.end - this.start;
    if (held + count > this.buffer.length) {
      const roomier = new Float32Array(2 * (held + count));
      roomier.set(this.buffer.subarray(this.start, this.end));
      this.buffer = roomier;
    } else {
      this.buffer.copyWithin(0, this.start, this.end);
    }
    this.start = 0;
    this.end = held;
  }
}

/** One kernel for each of the `up` positions an output can have between two inputs, each of unit gain at 0 Hz. */
function kernels(up: number, down: number): Float32Array[] {
  const half = Math.ceil(ZERO_CROSSINGS * Math.max(1, down / up));
  const cutoff = CUTOFF * Math.min(1, up / down);
  return Array.from({ length: up }, (_, phase) => {
    const kernel = new Float32Array(2 * half);
    let gain = 0;
    for (let tap = 0; tap < kernel.length; tap += 1) {
      const distance = tap - half + 1 - phase / up;
      kernel[tap] = sinc(cutoff * distance) * kaiser(distance / half);
      gain += kernel[tap];
    }
    return kernel.map((weight) => weight / gain);
  });
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function kaiser(x: number): number {
  return Math.abs(x) > 1 ? 0 : bessel(KAISER_BETA * Math.sqrt(1 - x * x)) / bessel(KAISER_BETA);
}

/** The modified Bessel function of the first kind and order zero, by its power series. */
function bessel(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-12; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
