/** The one AudioContext of the page, with microphone and player on it. */
import { Capture } from './capture';
import type { CapturedFrame } from './captureFramer';
import { LevelMeter } from './levels';
import { requestMicrophone } from './microphone';
import { Player, type PlayerEvents } from './player';
import { PLAYER_PROCESSOR } from './worklets/messages';

const NO_WORKLETS = 'The sound part of this page could not be loaded. Reload the page.';
/** A context that is not running by then was made without a click, and waits for one. */
const STARTS_WITHIN_MS = 800;

export interface EngineEvents extends PlayerEvents {
  onFrame: (frame: CapturedFrame) => void;
  onMicrophoneLost: () => void;
  /** Whether sound can come out; false while the browser waits for a tap. */
  onSound: (running: boolean) => void;
  onBroken: (message: string) => void;
}

export class AudioEngine {
  readonly player: Player;
  private context: AudioContext | null = null;
  private worklets: Promise<void> = Promise.resolve();
  private capture: Capture | null = null;
  private voice: AnalyserNode | null = null;
  private readonly microphoneMeter = new LevelMeter();
  private readonly voiceMeter = new LevelMeter();

  constructor(private readonly events: EngineEvents) {
    this.player = new Player(events, () => this.context?.currentTime ?? 0);
  }

  /** Must run inside a click or key press, before anything is awaited: browsers grant sound only there. */
  unlock(): void {
    if (!this.context) this.create();
    // A refusal needs no answer here: `onstatechange` and `reportBlocked` tell whether sound runs.
    this.context?.resume().catch(() => {});
  }

  /** Says whether it is open; it is not when the call has ended while the browser was asking. */
  async openMicrophone(): Promise<boolean> {
    const context = this.context;
    const stream = await requestMicrophone();
    const loaded = await this.worklets.then(
      () => true,
      () => false,
    );
    if (!loaded || !context || context !== this.context) {
      for (const track of stream.getTracks()) track.stop();
      return false;
    }
    this.capture?.close();
    this.capture = new Capture(context, stream, this.events.onFrame, () => {
      this.closeMicrophone();
      this.events.onMicrophoneLost();
    });
    return true;
  }

  closeMicrophone(): void {
    this.capture?.close();
    this.capture = null;
  }

  setMuted(muted: boolean): void {
    this.capture?.setMuted(muted);
  }

  levels(): { microphone: number; voice: number } {
    return {
      microphone: this.microphoneMeter.read(this.capture?.analyser ?? null),
      voice: this.voiceMeter.read(this.voice),
    };
  }

  /** For diagnostics. */
  clock(): { state: string; time: number; sampleRate: number; outputLatencyMs: number } {
    return {
      state: this.context?.state ?? 'none',
      time: this.context?.currentTime ?? 0,
      sampleRate: this.context?.sampleRate ?? 0,
      outputLatencyMs: Math.round((this.context?.outputLatency ?? 0) * 1000),
    };
  }

  close(): void {
    this.closeMicrophone();
    this.player.detach();
    if (this.context) this.context.onstatechange = null;
    void this.context?.close();
    this.context = null;
    this.voice = null;
  }

  /** At the device's own rate: some browsers refuse a microphone in a context of another rate. */
  private create(): void {
    const context = new AudioContext({ latencyHint: 'interactive' });
    context.onstatechange = () => this.events.onSound(context.state === 'running');
    this.context = context;
    setTimeout(() => this.reportBlocked(context), STARTS_WITHIN_MS);
    this.worklets = this.load(context);
    this.worklets.catch(() => {
      if (context === this.context) this.events.onBroken(NO_WORKLETS);
    });
  }

  private reportBlocked(context: AudioContext): void {
    if (context === this.context && context.state !== 'running') this.events.onSound(false);
  }

  private async load(context: AudioContext): Promise<void> {
    await Promise.all([
      context.audioWorklet.addModule(workletAddress('capture')),
      context.audioWorklet.addModule(workletAddress('player')),
    ]);
    // The call may have ended meanwhile.
    if (context.state !== 'closed') this.connectPlayer(context);
  }

  private connectPlayer(context: AudioContext): void {
    const node = new AudioWorkletNode(context, PLAYER_PROCESSOR, {
      numberOfInputs: 0,
      outputChannelCount: [1],
    });
    this.voice = new AnalyserNode(context, { fftSize: 1024 });
    node.connect(this.voice).connect(context.destination);
    this.player.attach(node.port);
  }
}

function workletAddress(name: 'capture' | 'player'): string {
  return `/worklets/${name}.js?v=${process.env.WORKLET_VERSION}`;
}
