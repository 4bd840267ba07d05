/** A gateway that does what a test tells it: serves the built page and speaks the native protocol by script. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { OUTPUT_RATE } from '../src/audio/frame';
import { type AudioMessage, decodeAudio, writeHeader } from '../src/protocol/binary';
import type { ClientMessage } from '../src/protocol/clientMessages';
import { servePage } from './serve-page';

const WAIT_MS = 10_000;

/** One connection of the page, with everything it said. */
export class StandInCall {
  readonly messages: ClientMessage[] = [];
  readonly audio: AudioMessage[] = [];
  private sequence = 0;
  private audioSequence = 0;

  constructor(private readonly socket: WebSocket) {
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.hear(data);
      else this.read(JSON.parse(data.toString()));
    });
  }

  send(message: { type: string; [field: string]: unknown }): void {
    this.sequence += 1;
    this.socket.send(JSON.stringify({ seq: this.sequence, ...message }));
  }

  /** Answers `hello`, as every conversation begins. */
  async welcome(): Promise<void> {
    await this.until('hello');
    this.send({
      type: 'session_ready',
      session_id: 'stand-in',
      resumed: false,
      protocol: 1,
      chains: { stt: ['deepgram', 'local'], llm: ['groq', 'openai'], tts: ['cartesia', 'local'] },
    });
    this.state('listening');
  }

  state(state: string): void {
    this.send({ type: 'state_change', state, previous: 'idle' });
  }

  said(turn: number, text: string, final = true): void {
    const revision = final ? 1000 : text.length;
    const shared = { type: 'transcript_update', turn, role: 'user', segment: 0 };
    this.send({ ...shared, revision, text, final, provider: 'deepgram' });
  }

  /** Sends `seconds` of a steady tone in frames of 100 ms, all at once. */
  speak(epoch: number, seconds: number, fromSecond = 0): void {
    const frameSamples = OUTPUT_RATE / 10;
    for (let frame = 0; frame < seconds * 10; frame += 1) {
      const start = fromSecond * OUTPUT_RATE + frame * frameSamples;
      this.socket.send(this.toneFrame(epoch, start, frameSamples));
    }
  }

  /** Waits for a message of this type, beginning with those that have come already. */
  async until<T extends ClientMessage['type']>(
    type: T,
    fits: (message: Extract<ClientMessage, { type: T }>) => boolean = () => true,
  ): Promise<Extract<ClientMessage, { type: T }>> {
    return waitFor(`a "${type}" message of the page`, () => this.all(type).find(fits));
  }

  all<T extends ClientMessage['type']>(type: T): Extract<ClientMessage, { type: T }>[] {
    return this.messages.filter((message) => message.type === type) as Extract<
      ClientMessage,
      { type: T }
    >[];
  }

  hangUp(code: number, reason = ''): void {
    this.socket.close(code, reason);
  }

  private hear(data: Buffer): void {
    const audio = decodeAudio(Uint8Array.from(data).buffer);
    if (audio) this.audio.push(audio);
  }

  private read(message: ClientMessage): void {
    this.messages.push(message);
    if (message.type === 'ping') this.send({ type: 'pong', t: message.t });
  }

  private toneFrame(epoch: number, start: number, count: number): ArrayBuffer {
    const frame = new ArrayBuffer(16 + 2 * count);
    this.audioSequence += 1;
    writeHeader(frame, {
      sequence: this.audioSequence,
      epoch,
      timeUs: Math.round((start / OUTPUT_RATE) * 1e6),
    });
    const samples = new Int16Array(frame, 16);
    for (let index = 0; index < count; index += 1) {
      samples[index] = 8000 * Math.sin((2 * Math.PI * 330 * (start + index)) / OUTPUT_RATE);
    }
    return frame;
  }
}

export class StandIn {
  readonly calls: StandInCall[] = [];

  private constructor(
    private readonly server: Server,
    private readonly sockets: WebSocketServer,
  ) {
    sockets.on('connection', (socket) => this.calls.push(new StandInCall(socket)));
  }

  static async start(): Promise<StandIn> {
    const server = createServer(servePage);
    const sockets = new WebSocketServer({ server, path: '/voice/new', perMessageDeflate: false });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new StandIn(server, sockets);
  }

  address(host = '127.0.0.1'): string {
    return `http://${host}:${(this.server.address() as AddressInfo).port}/`;
  }

  /** The page's nth connection, counted from 0, welcomed. */
  async call(index: number): Promise<StandInCall> {
    const call = await waitFor(`connection ${index} of the page`, () => this.calls[index]);
    await call.welcome();
    return call;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets.clients) socket.terminate();
    this.sockets.close();
    this.server.close();
    await once(this.server, 'close');
  }
}

/** Looks every few milliseconds until there is something, or says what never came. */
export async function waitFor<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  withinMs = WAIT_MS,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`Waited ${withinMs} ms for ${what}; it never came.`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
