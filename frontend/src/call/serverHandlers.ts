/** What each message of the gateway does to the player and to what the page shows. */
import type { Player } from '@/audio/player';
import type { ServerMessageOf } from '@/protocol/messages';
import type { Handlers } from '@/protocol/router';
import { caption } from '@/stores/captions';
import { useConnection } from '@/stores/connection';
import { isTurnState, type Slot, useSession } from '@/stores/session';

export interface HandlerDeps {
  player: Pick<Player, 'clear' | 'duck' | 'end'>;
  sessionReady: () => void;
  fail: (reason: string) => void;
}

export function serverHandlers({ player, sessionReady, fail }: HandlerDeps): Handlers {
  return {
    session_ready: ({ chains }) => {
      const active = { stt: first(chains.stt), llm: first(chains.llm), tts: first(chains.tts) };
      useSession.setState({ chains, active });
      caption({ type: 'session_started' });
      sessionReady();
    },
    state_change: ({ state }) => {
      if (isTurnState(state)) useSession.setState({ turnState: state });
    },
    // `clear_audio` comes later, once the gateway is sure of an interruption.
    vad_status: ({ speaking }) => player.duck(speaking),
    audio_metrics: ({ advice }) => setAdvice(advice?.trim() || null),
    transcript_update: (message) => {
      const { turn, role, segment, revision, text, final, provider } = message;
      caption({ type: 'transcript', turn, role, segment, revision, text, final });
      setActive(role === 'user' ? 'stt' : 'tts', provider);
    },
    response_text: ({ turn, delta, provider }) => {
      caption({ type: 'reply_delta', turn, delta });
      setActive('llm', provider);
    },
    response_done: ({ turn, text, heard_text, interrupted }) => {
      caption({
        type: 'reply_done',
        turn,
        text,
        heardText: interrupted ? (heard_text ?? '') : null,
      });
    },
    audio_end: ({ epoch }) => player.end(epoch),
    clear_audio: ({ epoch }) => player.clear(epoch),
    provider_switch: ({ slot, to }) => setActive(slot, to),
    skill_call: ({ turn, sources }) => {
      if (sources.length > 0) caption({ type: 'sources', turn, sources });
    },
    turn_metrics: ({ turn_latency_ms }) => {
      if (turn_latency_ms != null) useSession.setState({ turnLatencyMs: turn_latency_ms });
    },
    error: (message) => {
      const fault = faultText(message);
      if (message.fatal) fail(fault);
      else useSession.setState({ fault });
    },
    pong: ({ t }) => {
      if (t != null) {
        useConnection.setState({ roundTripMs: Math.max(0, Math.round(performance.now() - t)) });
      }
    },
  };
}

function setActive(slot: Slot, provider: string | null | undefined): void {
  const { active } = useSession.getState();
  if (!provider || active[slot] === provider) return;
  useSession.setState({ active: { ...active, [slot]: provider } });
}

/** Measurements come again and again, and rarely say anything new. */
function setAdvice(audioAdvice: string | null): void {
  if (useSession.getState().audioAdvice !== audioAdvice) useSession.setState({ audioAdvice });
}

function faultText({ message, retry_after_ms }: ServerMessageOf<'error'>): string {
  if (!retry_after_ms) return message;
  return `${message} Try again in ${Math.ceil(retry_after_ms / 1000)} s.`;
}

function first(names: string[]): string | null {
  return names[0] ?? null;
}
