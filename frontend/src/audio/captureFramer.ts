/** Turns device-rate samples into 20 ms PCM16 frames at 16 kHz, with room left for the header. */
import { FRAME_SAMPLES, HEADER_BYTES, INPUT_RATE } from './frame';
import { Resampler } from './resampler';

export interface CapturedFrame {
  /** HEADER_BYTES of zeros, then the samples. */
  buffer: ArrayBuffer;
  captureTimeUs: number;
}

export class CaptureFramer {
  private readonly resampler: Resampler;
  private readonly scratch = new Float32Array(FRAME_SAMPLES);
  private frame = new DataView(new ArrayBuffer(HEADER_BYTES + 2 * FRAME_SAMPLES));
  private filled = 0;
  private startedUs = 0;

  constructor(
    deviceRate: number,
    private readonly emit: (frame: CapturedFrame) => void,
  ) {
    this.resampler = new Resampler(deviceRate, INPUT_RATE);
  }

  push(samples: Float32Array, timeUs: number): void {
    this.resampler.push(samples);
    for (;;) {
      const count = this.resampler.pull(this.scratch);
      if (count === 0) return;
      for (let index = 0; index < count; index += 1) this.append(this.scratch[index], timeUs);
    }
  }

  private append(sample: number, timeUs: number): void {
    if (this.filled === 0) this.startedUs = timeUs;
    this.frame.setInt16(HEADER_BYTES + 2 * this.filled, toPcm16(sample), true);
    this.filled += 1;
    if (this.filled < FRAME_SAMPLES) return;
    this.emit({ buffer: this.frame.buffer as ArrayBuffer, captureTimeUs: this.startedUs });
    this.frame = new DataView(new ArrayBuffer(HEADER_BYTES + 2 * FRAME_SAMPLES));
    this.filled = 0;
  }
}

/** Clamped, because automatic gain and the filter's overshoot go beyond full scale. */
export function toPcm16(sample: number): number {
  const clamped = Math.max(-1, Math.min(1, sample));
  return Math.round(clamped < 0 ? clamped * 0x8000 : clamped * 0x7fff);
}
