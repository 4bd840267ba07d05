/** What the player sounds next: reply audio by epoch, with prebuffer, resampling, ducking and a faded flush. */
import { Ducking } from './ducking';
import { OUTPUT_RATE } from './frame';
import { Resampler } from './resampler';
import { SampleRing } from './sampleRing';

const PREBUFFER_SAMPLES = 0.04 * OUTPUT_RATE;
const FADE_SECONDS = 0.005;
/** A gateway may send a whole reply at once; longer replies than this are cut and counted. */
const LONGEST_REPLY_SECONDS = 300;
/** How many epochs' played counts are kept for a late `clear_audio`. */
const REMEMBERED_EPOCHS = 16;

export type PlayerEvent =
  | { type: 'started'; epoch: number }
  | { type: 'finished'; epoch: number; playedMs: number };

interface Segment {
  epoch: number;
  queued: number;
  ended: boolean;
}

export class PlayerQueue {
  underruns = 0;
  lateFrames = 0;
  overflowSamples = 0;
  samplesPlayed = 0;

  private readonly ring = new SampleRing(10 * OUTPUT_RATE, LONGEST_REPLY_SECONDS * OUTPUT_RATE);
  private readonly resampler: Resampler;
  private readonly ducking: Ducking;
  private readonly fadeSamples: number;
  private readonly scratch = new Float32Array(4096);
  private readonly played = new Map<number, number>();
  private segments: Segment[] = [];
  private tail = new Float32Array(0);
  private clearedEpoch = -1;
  private newestEpoch = -1;
  private primed = false;
  private freshEpoch = true;

  constructor(
    deviceRate: number,
    private readonly notify: (event: PlayerEvent) => void,
  ) {
    this.resampler = new Resampler(OUTPUT_RATE, deviceRate);
    this.ducking = new Ducking(deviceRate);
    this.fadeSamples = Math.round(FADE_SECONDS * deviceRate);
  }

  get queuedMs(): number {
    return toMs(this.ring.length);
  }

  get sounding(): boolean {
    return this.primed;
  }

  get fading(): boolean {
    return this.tail.length > 0;
  }

  get currentEpoch(): number {
    return this.segments[0]?.epoch ?? this.newestEpoch;
  }

  playedMs(epoch: number): number {
    return toMs(this.played.get(epoch) ?? 0);
  }

  /** Frames of a cleared epoch, or of one older than the newest, belong to a dead turn: never heard. */
  frame(epoch: number, pcm: Int16Array): void {
    if (epoch <= this.clearedEpoch || epoch < this.newestEpoch) {
      this.lateFrames += 1;
      return;
    }
    const segment = this.segmentFor(epoch);
    const stored = this.ring.write(pcm);
    segment.queued += stored;
    this.overflowSamples += pcm.length - stored;
  }

  /** No more audio of `epoch` will come; it is finished once its last sample was played. */
  end(epoch: number): void {
    if (epoch <= this.clearedEpoch) return;
    const segment = this.segments.find((candidate) => candidate.epoch === epoch);
    if (segment) segment.ended = true;
    else this.notify({ type: 'finished', epoch, playedMs: this.playedMs(epoch) });
  }

  /** Drops everything up to `epoch`, behind a fade of 5 ms that keeps the cut from clicking. */
  clear(epoch: number): number {
    const current = this.segments[0];
    if (current && current.epoch <= epoch) {
      if (this.primed) this.tail = this.fadeOut(current);
      this.dropSegments(epoch);
    }
    this.clearedEpoch = Math.max(this.clearedEpoch, epoch);
    this.newestEpoch = Math.max(this.newestEpoch, epoch);
    return this.playedMs(epoch);
  }

  /** Only what sounds now yields to the caller; a reply that begins later begins at full level. */
  duck(speaking: boolean): void {
    if (speaking && this.sounding) this.ducking.lower();
    else this.ducking.raise();
  }

  /** A new session counts its epochs from the start again. */
  reset(): void {
    this.clear(this.newestEpoch);
    this.played.clear();
    this.clearedEpoch = -1;
    this.newestEpoch = -1;
  }

  /** Fills one render quantum; what is not covered by audio stays silent. */
  render(output: Float32Array): void {
    output.fill(0);
    this.renderReplies(output);
    this.ducking.apply(output);
  }

  private renderReplies(output: Float32Array): void {
    let written = this.renderTail(output);
    while (written < output.length) {
      const segment = this.segments[0];
      if (!segment || !this.prime(segment)) return;
      if (segment.queued > 0) written += this.renderQueued(segment, output, written);
      else if (segment.ended) written += this.finish(segment, output, written);
      else this.starve();
    }
  }

  private renderTail(output: Float32Array): number {
    const count = Math.min(this.tail.length, output.length);
    output.set(this.tail.subarray(0, count));
    this.tail = this.tail.subarray(count);
    return count;
  }

  /** Priming starts anew with each epoch, so one turn's underrun delays no later turn. */
  private prime(segment: Segment): boolean {
    if (this.primed) return true;
    if (segment.queued < PREBUFFER_SAMPLES && !segment.ended) return false;
    this.primed = true;
    if (this.freshEpoch) {
      this.freshEpoch = false;
      this.resampler.reset();
      this.notify({ type: 'started', epoch: segment.epoch });
    }
    return true;
  }

  private renderQueued(segment: Segment, output: Float32Array, offset: number): number {
    const wanted = this.resampler.inputNeeded(output.length - offset);
    const count = Math.min(wanted, segment.queued, this.scratch.length);
    this.ring.read(this.scratch, count);
    segment.queued -= count;
    this.samplesPlayed += count;
    this.played.set(segment.epoch, (this.played.get(segment.epoch) ?? 0) + count);
    this.resampler.push(this.scratch.subarray(0, count));
    return this.resampler.pull(output, offset);
  }

  private finish(segment: Segment, output: Float32Array, offset: number): number {
    this.resampler.push(new Float32Array(this.resampler.tail));
    const written = this.resampler.pull(output, offset);
    this.dropSegments(segment.epoch);
    this.notify({ type: 'finished', epoch: segment.epoch, playedMs: this.playedMs(segment.epoch) });
    return written;
  }

  private starve(): void {
    this.underruns += 1;
    this.primed = false;
  }

  private fadeOut(segment: Segment): Float32Array<ArrayBuffer> {
    const faded = new Float32Array(this.fadeSamples);
    let written = 0;
    while (written < faded.length && segment.queued > 0) {
      written += this.renderQueued(segment, faded, written);
    }
    for (let index = 0; index < faded.length; index += 1) faded[index] *= 1 - index / faded.length;
    return faded;
  }

  private dropSegments(upTo: number): void {
    while (this.segments.length > 0 && this.segments[0].epoch <= upTo) {
      this.ring.drop(this.segments[0].queued);
      this.segments.shift();
    }
    this.primed = false;
    this.freshEpoch = true;
    this.ducking.raise();
  }

  private segmentFor(epoch: number): Segment {
    const last = this.segments.at(-1);
    if (last?.epoch === epoch) return last;
    const segment = { epoch, queued: 0, ended: false };
    this.segments.push(segment);
    this.newestEpoch = epoch;
    this.rememberEpoch(epoch);
    return segment;
  }

  private rememberEpoch(epoch: number): void {
    if (!this.played.has(epoch)) this.played.set(epoch, 0);
    if (this.played.size > REMEMBERED_EPOCHS) {
      this.played.delete(this.played.keys().next().value as number);
    }
  }
}

function toMs(samples: number): number {
  return Math.round((samples * 1000) / OUTPUT_RATE);
}
