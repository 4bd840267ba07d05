/** What each message of the gateway does to player and page. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { Router } from '@/protocol/router';
import { useSession } from '@/stores/session';
import { serverHandlers } from './serverHandlers';

const player = { clear: vi.fn(), duck: vi.fn(), end: vi.fn() };
const sessionReady = vi.fn();
const fail = vi.fn();
const START = useSession.getInitialState();

function receive(message: object): void {
  new Router(serverHandlers({ player, sessionReady, fail })).route(JSON.stringify(message));
}

beforeEach(() => {
  useSession.setState(START, true);
  vi.clearAllMocks();
});

describe('the gateway’s messages', () => {
  test('show who stands first in each chain', () => {
    const chains = { stt: ['deepgram', 'local'], llm: ['groq'], tts: [] };
    receive({ type: 'session_ready', session_id: 'a', chains });
    expect(useSession.getState().active).toEqual({ stt: 'deepgram', llm: 'groq', tts: null });
    expect(sessionReady).toHaveBeenCalledOnce();
  });

  test('show who stands in after a switch', () => {
    receive({ type: 'provider_switch', slot: 'tts', from: 'cartesia', to: 'local' });
    receive({ type: 'response_text', turn: 1, delta: 'Hi', provider: 'openai' });
    expect(useSession.getState().active).toMatchObject({ tts: 'local', llm: 'openai' });
  });

  test('silence the player at once', () => {
    receive({ type: 'clear_audio', epoch: 7, turn: 2 });
    expect(player.clear).toHaveBeenCalledWith(7);
  });

  test('have the player yield while the caller speaks', () => {
    receive({ type: 'vad_status', speaking: true, probability: 0.93 });
    expect(player.duck).toHaveBeenLastCalledWith(true);
    receive({ type: 'vad_status', speaking: false, probability: 0.1 });
    expect(player.duck).toHaveBeenLastCalledWith(false);
    expect(player.clear).not.toHaveBeenCalled();
  });

  test('tell the player where a reply ends', () => {
    receive({ type: 'audio_end', epoch: 7, duration_ms: 900 });
    expect(player.end).toHaveBeenCalledWith(7);
  });

  test('leave the state as it is when they name one this page does not know', () => {
    receive({ type: 'state_change', state: 'thinking' });
    receive({ type: 'state_change', state: 'pondering' });
    expect(useSession.getState().turnState).toBe('thinking');
  });

  test('report an error without ending the call', () => {
    receive({ type: 'error', code: 'busy', message: 'Busy.', fatal: false, retry_after_ms: 2100 });
    expect(useSession.getState().fault).toBe('Busy. Try again in 3 s.');
    expect(fail).not.toHaveBeenCalled();
  });

  test('end the call with a fatal error', () => {
    receive({ type: 'error', code: 'gone', message: 'All providers are down.', fatal: true });
    expect(fail).toHaveBeenCalledWith('All providers are down.');
  });

  test('give advice about the microphone until all is well', () => {
    receive({ type: 'audio_metrics', snr_db: 3, clipping: 0, quality: 20, advice: 'Too quiet.' });
    expect(useSession.getState().audioAdvice).toBe('Too quiet.');
    receive({ type: 'audio_metrics', snr_db: 30, clipping: 0, quality: 95, advice: '' });
    expect(useSession.getState().audioAdvice).toBeNull();
  });

  test('tell how quick the last answer was', () => {
    receive({ type: 'turn_metrics', turn: 1, turn_latency_ms: 640, attempts: [] });
    expect(useSession.getState().turnLatencyMs).toBe(640);
  });
});
