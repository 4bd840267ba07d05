/** Every JSON message that the gateway sends to this page and that the page makes use of. */
import { z } from 'zod';

// The schema compiler would probe `new Function`, which a strict content security policy reports.
z.config({ jitless: true });

const turn = z.number().int().optional();
const names = z.array(z.string()).default([]);

const sessionReady = z.object({
  type: z.literal('session_ready'),
  session_id: z.string(),
  resumed: z.boolean().default(false),
  chains: z.object({ stt: names, llm: names, tts: names }).default({ stt: [], llm: [], tts: [] }),
});

/** `state` stays a string: a newer gateway may know more states than this page. */
const stateChange = z.object({ type: z.literal('state_change'), state: z.string(), turn });

const vadStatus = z.object({ type: z.literal('vad_status'), speaking: z.boolean() });

/** Of the measurements this page needs only what to do about them, as a sentence. */
const audioMetrics = z.object({
  type: z.literal('audio_metrics'),
  advice: z.string().nullish(),
});

const transcriptUpdate = z.object({
  type: z.literal('transcript_update'),
  turn: z.number().int().default(0),
  role: z.enum(['user', 'assistant']),
  segment: z.number().int().default(0),
  revision: z.number().int().default(0),
  text: z.string(),
  final: z.boolean(),
  provider: z.string().nullish(),
});

const responseText = z.object({
  type: z.literal('response_text'),
  turn: z.number().int().default(0),
  delta: z.string(),
  provider: z.string().nullish(),
});

const responseDone = z.object({
  type: z.literal('response_done'),
  turn: z.number().int().default(0),
  text: z.string(),
  heard_text: z.string().nullish(),
  interrupted: z.boolean().default(false),
});

const audioEnd = z.object({
  type: z.literal('audio_end'),
  epoch: z.number().int(),
  turn,
});

const clearAudio = z.object({ type: z.literal('clear_audio'), epoch: z.number().int(), turn });

const providerSwitch = z.object({
  type: z.literal('provider_switch'),
  slot: z.enum(['stt', 'llm', 'tts']),
  to: z.string(),
  turn,
});

/** Comes when a tool starts, without sources, and again when it is done. */
const skillCall = z.object({
  type: z.literal('skill_call'),
  turn: z.number().int().default(0),
  name: z.string(),
  sources: z
    .array(z.object({ url: z.url({ protocol: /^https?$/ }), title: z.string() }))
    .default([]),
});

const turnMetrics = z.object({
  type: z.literal('turn_metrics'),
  turn,
  turn_latency_ms: z.number().nullish(),
});

const fault = z.object({
  type: z.literal('error'),
  code: z.string(),
  message: z.string(),
  fatal: z.boolean().default(false),
  retry_after_ms: z.number().nullish(),
});

const pong = z.object({ type: z.literal('pong'), t: z.number().nullish() });

export const serverMessage = z.discriminatedUnion('type', [
  sessionReady,
  stateChange,
  vadStatus,
  audioMetrics,
  transcriptUpdate,
  responseText,
  responseDone,
  audioEnd,
  clearAudio,
  providerSwitch,
  skillCall,
  turnMetrics,
  fault,
  pong,
]);

export type ServerMessage = z.infer<typeof serverMessage>;
export type ServerMessageType = ServerMessage['type'];
export type ServerMessageOf<T extends ServerMessageType> = Extract<ServerMessage, { type: T }>;

export const knownTypes: ReadonlySet<string> = new Set(
  serverMessage.options.map((option) => option.shape.type.value),
);
