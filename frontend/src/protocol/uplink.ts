/** Decides for each captured frame: send, hold until the line is open, or leave unsent. */
import type { CapturedFrame } from '../audio/captureFramer';
import { writeHeader } from './binary';

/** More than this unsent means the network is slower than speech; old audio would only add delay. */
const MAX_BACKLOG_BYTES = 64 * 1024;
/** Two seconds of speech wait for a line that is just being opened. */
const MAX_HELD_FRAMES = 100;

export interface UplinkCounts {
  sent: number;
  /** Left out because the network was too slow or away too long. */
  dropped: number;
}

interface Line {
  readonly isOpen: boolean;
  readonly backlog: number;
  sendAudio: (frame: ArrayBuffer) => void;
}

export class Uplink {
  readonly counts: UplinkCounts = { sent: 0, dropped: 0 };
  /** The newest epoch heard from the gateway, told back with every frame. */
  epoch = 0;
  private sequence = 0;
  private held: CapturedFrame[] = [];

  constructor(
    private readonly line: Line,
    /** Whether the caller means to be heard: not muted, and the key held in push-to-talk. */
    private readonly wanted: () => boolean,
  ) {}

  offer(frame: CapturedFrame): void {
    if (!this.wanted()) return;
    if (!this.line.isOpen) this.hold(frame);
    else if (this.line.backlog > MAX_BACKLOG_BYTES) this.counts.dropped += 1;
    else this.send(frame);
  }

  /** A new session counts from zero, and first hears what was said while it was being opened. */
  sessionOpened(): void {
    this.sequence = 0;
    this.epoch = 0;
    for (const frame of this.held) this.send(frame);
    this.held = [];
  }

  /** What waits belongs to a call that is over. */
  forget(): void {
    this.held = [];
  }

  private hold(frame: CapturedFrame): void {
    this.held.push(frame);
    if (this.held.length <= MAX_HELD_FRAMES) return;
    this.held.shift();
    this.counts.dropped += 1;
  }

  private send({ buffer, captureTimeUs }: CapturedFrame): void {
    writeHeader(buffer, { sequence: this.sequence, epoch: this.epoch, timeUs: captureTimeUs });
    this.sequence += 1;
    this.counts.sent += 1;
    this.line.sendAudio(buffer);
  }
}
