/** The one call of the page: what buttons and keys ask for, carried out on engine, socket and stores. */
import { AudioEngine } from '@/audio/engine';
import { MicrophoneError } from '@/audio/microphone';
import { WakeLock } from '@/audio/wakeLock';
import { readHeader } from '@/protocol/binary';
import { GatewayClient } from '@/protocol/client';
import type { ConnectionState } from '@/protocol/connection';
import { Router } from '@/protocol/router';
import { Uplink } from '@/protocol/uplink';
import { caption } from '@/stores/captions';
import { useConnection } from '@/stores/connection';
import { type MicState, NEW_CALL, type TalkMode, useSession } from '@/stores/session';
import { gatewayAddress } from './address';
import { serverHandlers } from './serverHandlers';

export class Call {
  readonly engine = new AudioEngine({
    onFrame: (frame) => this.uplink.offer(frame),
    onMicrophoneLost: () => useSession.setState({ mic: { problem: 'lost' } }),
    onSound: (running) => useSession.setState({ sound: running ? 'running' : 'blocked' }),
    onBroken: (fault) => useSession.setState({ fault }),
    onStarted: () => useSession.setState({ playing: true }),
    onPlayed: (epoch, playedMs) =>
      this.client.send({ type: 'playback', epoch, played_ms: playedMs }),
    onStopped: () => useSession.setState({ playing: false }),
  });
  readonly client = new GatewayClient({
    address: gatewayAddress,
    pushToTalk: () => useSession.getState().mode === 'push-to-talk',
    onText: (text) => this.router.route(text),
    onAudio: (message) => this.hear(message),
    onState: (state) => this.connectionChanged(state),
  });
  readonly uplink = new Uplink(this.client, () => {
    const { muted, mode, holding } = useSession.getState();
    return !muted && (mode === 'hands-free' || holding);
  });
  readonly router = new Router(
    serverHandlers({
      player: this.engine.player,
      sessionReady: () => this.sessionReady(),
      fail: (reason) => this.client.fail(reason),
    }),
  );
  /** Messages typed before the line was open. */
  private unsent: string[] = [];
  /** The key was let go before the line was open: what waits in the uplink is a whole turn. */
  private commitOwed = false;
  private readonly wakeLock = new WakeLock();

  constructor() {
    const retry = () => this.client.retryNow();
    window.addEventListener('online', retry);
    document.addEventListener('visibilitychange', () => !document.hidden && retry());
  }

  /** Must be called inside a click or key press, like everything here that may start sound. */
  start(): void {
    this.begin();
    void this.askForMicrophone();
  }

  sendText(text: string): void {
    this.begin();
    const sent = this.client.send({ type: 'text_message', text });
    if (!sent) this.unsent.push(text);
    caption({ type: 'typed', text, sent });
  }

  retryMicrophone(): void {
    this.engine.unlock();
    void this.askForMicrophone();
  }

  enableSound(): void {
    this.engine.unlock();
  }

  retryConnection(): void {
    this.client.retryNow();
  }

  end(): void {
    this.client.stop();
  }

  setMode(mode: TalkMode): void {
    this.release();
    useSession.setState({ mode });
    this.client.send({ type: 'update', push_to_talk: mode === 'push-to-talk' });
  }

  /** Push-to-talk: the caller takes the floor. */
  hold(): void {
    const { mic, mode, holding, muted } = useSession.getState();
    if (mic !== 'on' || mode !== 'push-to-talk' || holding) return;
    if (muted) this.setMuted(false);
    this.interrupt();
    useSession.setState({ holding: true });
  }

  release(): void {
    if (!useSession.getState().holding) return;
    useSession.setState({ holding: false });
    this.commitOwed = !this.client.send({ type: 'commit' });
  }

  toggleMute(): void {
    this.setMuted(!useSession.getState().muted);
  }

  /** Silences this page at once, without waiting for the gateway's own `clear_audio`. */
  interrupt(): void {
    const { turnState, playing } = useSession.getState();
    if (!playing && turnState !== 'thinking' && turnState !== 'speaking') return;
    this.client.send({ type: 'interrupt' });
    if (playing) this.engine.player.clear(this.engine.player.currentEpoch);
  }

  private setMuted(muted: boolean): void {
    if (!useSession.getState().live) return;
    useSession.setState({ muted });
    this.engine.setMuted(muted);
    this.client.send({ type: 'mute', muted });
  }

  private begin(): void {
    this.engine.unlock();
    if (useSession.getState().live) return;
    useSession.setState({ ...NEW_CALL, live: true });
    this.client.start();
    this.wakeLock.hold();
  }

  private async askForMicrophone(): Promise<void> {
    useSession.setState({ mic: 'asking' });
    const mic = await this.openMicrophone();
    // Null: the call has ended meanwhile, or the engine has told its own story.
    if (mic && useSession.getState().live) useSession.setState({ mic });
  }

  private async openMicrophone(): Promise<MicState | null> {
    try {
      if (!(await this.engine.openMicrophone())) return null;
      this.engine.setMuted(useSession.getState().muted);
      return 'on';
    } catch (error) {
      if (error instanceof MicrophoneError) return { problem: error.problem };
      throw error;
    }
  }

  private hear(message: ArrayBuffer): void {
    const header = readHeader(message);
    if (!header) return;
    this.uplink.epoch = Math.max(this.uplink.epoch, header.epoch);
    this.engine.player.play(message);
  }

  private sessionReady(): void {
    this.engine.player.reset();
    this.client.ready();
    this.uplink.sessionOpened();
    if (useSession.getState().muted) this.client.send({ type: 'mute', muted: true });
    if (this.commitOwed) this.client.send({ type: 'commit' });
    this.commitOwed = false;
    for (const text of this.unsent) this.client.send({ type: 'text_message', text });
    this.unsent = [];
  }

  private connectionChanged(connection: ConnectionState): void {
    useConnection.setState({ connection });
    if (connection.phase === 'reconnecting') {
      this.engine.player.reset();
      useSession.setState({ turnState: 'idle' });
    }
    if (connection.phase === 'failed') this.tearDown(connection.reason);
    if (connection.phase === 'closed') this.tearDown(null);
  }

  private tearDown(fault: string | null): void {
    this.engine.player.reset();
    this.engine.close();
    this.uplink.forget();
    this.unsent = [];
    this.commitOwed = false;
    this.wakeLock.release();
    useConnection.setState({ roundTripMs: null });
    useSession.setState({ live: false, holding: false, turnState: 'idle', mic: 'off', fault });
  }
}
