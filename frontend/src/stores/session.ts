/** What the page shows of the current call, apart from its words. */
import { create } from 'zustand';
import type { MicProblem } from '@/audio/microphone';

export type TurnState = 'idle' | 'listening' | 'hearing' | 'thinking' | 'speaking';
export type TalkMode = 'hands-free' | 'push-to-talk';
export type MicState = 'off' | 'asking' | 'on' | { problem: MicProblem };
export type Slot = 'stt' | 'llm' | 'tts';

export interface SessionView {
  /** Between the first click and the end of the call. */
  live: boolean;
  turnState: TurnState;
  mode: TalkMode;
  /** Push-to-talk: the key or button is down. */
  holding: boolean;
  muted: boolean;
  mic: MicState;
  /** Blocked: the browser waits for a tap before it lets sound out. */
  sound: 'off' | 'running' | 'blocked';
  /** Reply audio is coming out right now. */
  playing: boolean;
  chains: Record<Slot, string[]>;
  /** Who does the work of each slot right now. */
  active: Record<Slot, string | null>;
  turnLatencyMs: number | null;
  audioAdvice: string | null;
  fault: string | null;
}

export const NEW_CALL = {
  turnState: 'idle',
  holding: false,
  muted: false,
  mic: 'off',
  sound: 'off',
  playing: false,
  turnLatencyMs: null,
  audioAdvice: null,
  fault: null,
} satisfies Partial<SessionView>;

export const useSession = create<SessionView>(() => ({
  ...NEW_CALL,
  live: false,
  mode: 'hands-free',
  chains: { stt: [], llm: [], tts: [] },
  active: { stt: null, llm: null, tts: null },
}));

const TURN_STATES: readonly string[] = ['idle', 'listening', 'hearing', 'thinking', 'speaking'];

/** A newer gateway may know more states; the page keeps the last one it can name. */
export function isTurnState(state: string): state is TurnState {
  return TURN_STATES.includes(state);
}

export function micProblem(mic: MicState): MicProblem | null {
  return typeof mic === 'object' ? mic.problem : null;
}
