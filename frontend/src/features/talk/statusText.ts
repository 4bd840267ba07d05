/** The words for what is going on, and what to do next. */
import type { ConnectionState } from '@/protocol/connection';
import { micProblem, type SessionView } from '@/stores/session';

export interface StatusText {
  /** One or two words. */
  state: string;
  /** What the caller can do now; empty when nothing needs saying. */
  hint: string;
}

type Situation = Pick<
  SessionView,
  'live' | 'turnState' | 'mode' | 'holding' | 'muted' | 'mic' | 'playing'
>;

export function statusText(session: Situation, connection: ConnectionState): StatusText {
  if (!session.live) return { state: 'Call ended', hint: '' };
  if (connection.phase === 'reconnecting') return { state: 'Line lost', hint: '' };
  if (connection.phase === 'connecting') return { state: 'Connecting', hint: '' };
  if (session.mic === 'asking') {
    return { state: 'Microphone?', hint: 'Your browser is asking. Choose Allow.' };
  }
  return conversationText(session);
}

function conversationText(session: Situation): StatusText {
  const { turnState, holding } = session;
  if (holding) return { state: 'Listening', hint: 'Let go when you have finished.' };
  if (turnState === 'speaking' || session.playing)
    return { state: 'Speaking', hint: interruptHint(session) };
  if (turnState === 'thinking') return { state: 'Thinking', hint: '' };
  if (session.mic === 'off' || micProblem(session.mic)) {
    return { state: 'Ready', hint: 'Type a message below.' };
  }
  if (session.muted) return { state: 'Muted', hint: 'Tandem cannot hear you.' };
  if (turnState === 'hearing') return { state: 'Hearing you', hint: '' };
  return session.mode === 'push-to-talk'
    ? { state: 'Ready', hint: 'Hold the button, or the space bar, and speak.' }
    : { state: 'Listening', hint: 'Speak when you like.' };
}

function interruptHint({ mode, mic, muted }: Situation): string {
  if (mic !== 'on' || muted) return '';
  return mode === 'push-to-talk' ? 'Hold to talk interrupts.' : 'Just speak to interrupt.';
}
