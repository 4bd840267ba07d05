/** The page's end of the player worklet: passes audio in, passes news of what was heard out. */
import type { Flush, PlayerCommand, PlayerCounts, PlayerReport } from './worklets/messages';

/** A worklet that does not run (context suspended) does not answer; the gateway must get its answer. */
const ANSWER_WITHIN_MS = 100;
const KEPT_FLUSHES = 50;

export interface PlayerEvents {
  onStarted: (epoch: number) => void;
  /** Every 250 ms while playing, at the end, and once for each clear. */
  onPlayed: (epoch: number, playedMs: number) => void;
  onStopped: () => void;
}

const NOTHING_YET: PlayerCounts = {
  samplesPlayed: 0,
  underruns: 0,
  lateFrames: 0,
  overflowSamples: 0,
  queuedMs: 0,
  lastAudibleAt: 0,
};

export class Player {
  counts: PlayerCounts = NOTHING_YET;
  readonly flushes: Flush[] = [];
  private port: MessagePort | null = null;
  private waiting: PlayerCommand[] = [];
  private epoch = 0;
  private playedMs = 0;
  private readonly unanswered = new Map<number, ReturnType<typeof setTimeout>>();

  constructor(
    private readonly events: PlayerEvents,
    private readonly clock: () => number,
  ) {}

  get currentEpoch(): number {
    return this.epoch;
  }

  attach(port: MessagePort): void {
    this.port = port;
    port.onmessage = (event: MessageEvent<PlayerReport>) => this.receive(event.data);
    for (const command of this.waiting) this.command(command);
    this.waiting = [];
  }

  detach(): void {
    if (this.port) this.port.onmessage = null;
    this.port = null;
    this.waiting = [];
  }

  play(message: ArrayBuffer): void {
    this.command({ type: 'audio', message });
  }

  end(epoch: number): void {
    this.command({ type: 'end', epoch });
  }

  /** Whether the caller speaks, so that a reply that sounds becomes quieter before it is known to be interrupted. */
  duck(speaking: boolean): void {
    this.command({ type: 'duck', speaking });
  }

  clear(epoch: number): void {
    this.command({ type: 'clear', epoch, receivedAt: this.clock() });
    clearTimeout(this.unanswered.get(epoch));
    this.unanswered.set(
      epoch,
      setTimeout(() => this.answerClear(epoch, this.lastKnown(epoch)), ANSWER_WITHIN_MS),
    );
  }

  /** A new session counts its epochs from the start again. */
  reset(): void {
    for (const timer of this.unanswered.values()) clearTimeout(timer);
    this.unanswered.clear();
    this.waiting = [];
    this.epoch = 0;
    this.playedMs = 0;
    this.command({ type: 'reset' });
    this.events.onStopped();
  }

  private lastKnown(epoch: number): number {
    return epoch === this.epoch ? this.playedMs : 0;
  }

  private command(command: PlayerCommand): void {
    if (!this.port) this.waiting.push(command);
    else if (command.type === 'audio') this.port.postMessage(command, [command.message]);
    else this.port.postMessage(command);
  }

  private receive(report: PlayerReport): void {
    this.counts = report.counts;
    switch (report.type) {
      case 'quiet':
        return;
      case 'started':
        this.epoch = report.epoch;
        this.playedMs = 0;
        this.events.onStarted(report.epoch);
        return;
      case 'progress':
        this.playedMs = report.playedMs;
        this.events.onPlayed(report.epoch, report.playedMs);
        return;
      case 'finished':
        this.playedMs = report.playedMs;
        this.events.onPlayed(report.epoch, report.playedMs);
        this.events.onStopped();
        return;
      case 'cleared':
        this.answerClear(report.epoch, report.playedMs);
        return;
      case 'silent':
        this.flushes.push(report.flush);
        if (this.flushes.length > KEPT_FLUSHES) this.flushes.shift();
        return;
    }
  }

  private answerClear(epoch: number, playedMs: number): void {
    if (!this.unanswered.has(epoch)) return;
    clearTimeout(this.unanswered.get(epoch));
    this.unanswered.delete(epoch);
    this.events.onPlayed(epoch, playedMs);
    this.events.onStopped();
  }
}
