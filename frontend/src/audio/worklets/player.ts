/** Runs on the audio thread: gateway audio in, sound out, and exact news of what was heard. */
import { decodeAudio } from '../../protocol/binary';
import { PlayerQueue } from '../playerQueue';
import {
  type Flush,
  PLAYER_PROCESSOR,
  type PlayerCommand,
  type PlayerCounts,
  type PlayerReport,
} from './messages';

const REPORT_SECONDS = 0.25;
/** Below -100 dBFS: the resampler's rounding, not sound. */
const SILENCE = 1e-5;

type News = PlayerReport extends infer R
  ? R extends PlayerReport
    ? Omit<R, 'counts'>
    : never
  : never;

class PlayerProcessor extends AudioWorkletProcessor {
  private readonly queue = new PlayerQueue(sampleRate, (event) => this.report(event));
  private lastAudibleAt = 0;
  private reportedAt = 0;
  private flush: Omit<Flush, 'silentAfterMs'> | null = null;

  constructor() {
    super();
    this.port.onmessage = (event: MessageEvent<PlayerCommand>) => this.obey(event.data);
  }

  process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const output = outputs[0][0];
    this.queue.render(output);
    this.noteAudible(output);
    this.reportFlush();
    this.reportRegularly();
    return true;
  }

  private obey(command: PlayerCommand): void {
    switch (command.type) {
      case 'audio': {
        const audio = decodeAudio(command.message);
        if (audio) this.queue.frame(audio.epoch, audio.samples);
        return;
      }
      case 'end':
        this.queue.end(command.epoch);
        return;
      case 'duck':
        this.queue.duck(command.speaking);
        return;
      case 'clear':
        this.clear(command.epoch, command.receivedAt);
        return;
      case 'reset':
        this.queue.reset();
        return;
    }
  }

  private clear(epoch: number, receivedAt: number): void {
    const wasAudible = this.queue.sounding && this.queue.currentEpoch <= epoch;
    const playedMs = this.queue.clear(epoch);
    this.flush = { epoch, receivedAt, wasAudible };
    this.report({ type: 'cleared', epoch, playedMs });
  }

  private noteAudible(output: Float32Array): void {
    for (let index = output.length - 1; index >= 0; index -= 1) {
      if (Math.abs(output[index]) > SILENCE) {
        this.lastAudibleAt = (currentFrame + index + 1) / sampleRate;
        return;
      }
    }
  }

  private reportFlush(): void {
    if (!this.flush || this.queue.fading) return;
    const silentAfterMs = Math.max(0, this.lastAudibleAt - this.flush.receivedAt) * 1000;
    this.report({ type: 'silent', flush: { ...this.flush, silentAfterMs } });
    this.flush = null;
  }

  private reportRegularly(): void {
    if (currentTime - this.reportedAt < REPORT_SECONDS) return;
    this.reportedAt = currentTime;
    const epoch = this.queue.currentEpoch;
    if (!this.queue.sounding) this.report({ type: 'quiet' });
    else this.report({ type: 'progress', epoch, playedMs: this.queue.playedMs(epoch) });
  }

  private report(news: News): void {
    if (news.type === 'started') this.reportedAt = currentTime;
    this.port.postMessage({ ...news, counts: this.counts() });
  }

  private counts(): PlayerCounts {
    const { samplesPlayed, underruns, lateFrames, overflowSamples, queuedMs } = this.queue;
    const { lastAudibleAt } = this;
    return { samplesPlayed, underruns, lateFrames, overflowSamples, queuedMs, lastAudibleAt };
  }
}

registerProcessor(PLAYER_PROCESSOR, PlayerProcessor);
