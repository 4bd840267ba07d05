/** Keeps one WebSocket to the gateway alive: hello, heartbeat, reconnect with backoff. */
import { type ClientMessage, hello } from './clientMessages';
import { readClosing } from './closeCodes';
import { type ConnectionEvent, type ConnectionState, transition } from './connection';

const READY_WITHIN_MS = 10_000;
const PING_EVERY_MS = 5_000;
/** A ping this long without any answer: the line is dead, even if the browser has not noticed. */
const DEAD_AFTER_MS = 10_000;
const CLOSED_BY_CALLER = 1000;

export interface ClientOptions {
  address: () => string;
  pushToTalk: () => boolean;
  onText: (text: string) => void;
  onAudio: (message: ArrayBuffer) => void;
  onState: (state: ConnectionState) => void;
  openSocket?: (address: string) => WebSocket;
  random?: () => number;
}

export class GatewayClient {
  private state: ConnectionState = { phase: 'idle' };
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private heartbeat: ReturnType<typeof setInterval> | undefined;
  /** When the oldest ping went out that nothing has followed. */
  private waitingSince: number | null = null;

  constructor(private readonly options: ClientOptions) {}

  get isOpen(): boolean {
    return this.state.phase === 'open';
  }

  /** Bytes the browser has accepted and not yet sent. */
  get backlog(): number {
    return this.socket?.bufferedAmount ?? 0;
  }

  start(): void {
    this.apply({ type: 'start' });
  }

  retryNow(): void {
    this.apply({ type: 'retry' });
  }

  stop(): void {
    this.send({ type: 'end' });
    this.apply({ type: 'stop' });
  }

  /** For the handler of a fatal `error`: the gateway gives up on this call. */
  fail(reason: string): void {
    this.apply({ type: 'refused', reason });
  }

  /** Called by the handler of `session_ready`. */
  ready(): void {
    this.apply({ type: 'ready', now: Date.now() });
  }

  /** Says whether the message went out; control messages of a lost session would mean nothing to the next. */
  send(message: ClientMessage): boolean {
    if (!this.isOpen) return false;
    return this.transmit(JSON.stringify(message));
  }

  sendAudio(frame: ArrayBuffer): void {
    this.transmit(frame);
  }

  private transmit(data: string | ArrayBuffer): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(data);
    return true;
  }

  private apply(event: ConnectionEvent): void {
    const previous = this.state;
    this.state = transition(previous, event);
    if (this.state === previous) return;
    this.realise(this.state);
    this.options.onState(this.state);
  }

  /** Makes socket and timers be what the state says they are. */
  private realise(state: ConnectionState): void {
    clearTimeout(this.timer);
    switch (state.phase) {
      case 'connecting':
        this.open();
        this.timer = setTimeout(() => this.lose(), READY_WITHIN_MS);
        return;
      case 'open':
        this.startHeartbeat();
        return;
      case 'reconnecting':
        this.drop();
        this.timer = setTimeout(() => this.retryNow(), Math.max(0, state.retryAt - Date.now()));
        return;
      default:
        this.drop();
    }
  }

  private open(): void {
    const create = this.options.openSocket ?? ((address) => new WebSocket(address));
    const socket = create(this.options.address());
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.transmit(JSON.stringify(hello(this.options.pushToTalk())));
    socket.onmessage = (event) => this.receive(event.data);
    socket.onclose = (event) => this.closed(event.code, event.reason);
    this.socket = socket;
  }

  private receive(data: string | ArrayBuffer): void {
    this.waitingSince = null;
    if (typeof data === 'string') this.options.onText(data);
    else this.options.onAudio(data);
  }

  private closed(code: number, reason: string): void {
    const { finalReason, retryAfterMs } = readClosing(code, reason);
    if (finalReason) this.apply({ type: 'refused', reason: finalReason });
    else this.lose(retryAfterMs);
  }

  private lose(retryAfterMs = 0): void {
    const random = this.options.random ?? Math.random;
    this.apply({ type: 'lost', now: Date.now(), random, retryAfterMs });
  }

  private startHeartbeat(): void {
    this.waitingSince = null;
    this.heartbeat = setInterval(() => this.beat(), PING_EVERY_MS);
    this.beat();
  }

  /** Counts from the ping, not from the last message: a hidden tab's timer may run once a minute only. */
  private beat(): void {
    if (this.waitingSince !== null && Date.now() - this.waitingSince >= DEAD_AFTER_MS) {
      this.lose();
      return;
    }
    this.waitingSince ??= Date.now();
    this.send({ type: 'ping', t: Math.round(performance.now()) });
  }

  /** Lets go of the socket before closing it: over a dead line the close event may come minutes later. */
  private drop(): void {
    clearInterval(this.heartbeat);
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(CLOSED_BY_CALLER);
  }
}
