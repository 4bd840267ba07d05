/** The router takes what it knows, and leaves what it does not, without ever throwing. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { type Handlers, Router } from './router';

let handlers: Handlers;
let router: Router;

beforeEach(() => {
  handlers = {
    session_ready: vi.fn(),
    state_change: vi.fn(),
    vad_status: vi.fn(),
    audio_metrics: vi.fn(),
    transcript_update: vi.fn(),
    response_text: vi.fn(),
    response_done: vi.fn(),
    audio_end: vi.fn(),
    clear_audio: vi.fn(),
    provider_switch: vi.fn(),
    skill_call: vi.fn(),
    turn_metrics: vi.fn(),
    error: vi.fn(),
    pong: vi.fn(),
  };
  router = new Router(handlers);
});

describe('the router', () => {
  test('hands a message to the handler of its type', () => {
    router.route('{"type":"clear_audio","seq":4,"turn":2,"epoch":7}');
    expect(handlers.clear_audio).toHaveBeenCalledWith({ type: 'clear_audio', turn: 2, epoch: 7 });
    expect(router.counts.received).toEqual({ clear_audio: 1 });
  });

  test('counts and ignores a type it does not know', () => {
    router.route('{"type":"emotion","seq":1,"label":"calm"}');
    router.route('{"type":"mood","seq":2,"name":"calm"}');
    expect(router.counts).toEqual({ received: {}, unknown: 2, malformed: 0 });
  });

  test.each([
    'not json',
    'null',
    '[]',
    '{"seq":1}',
    '{"type":7}',
    '{"type":"clear_audio"}',
    '{"type":"transcript_update","text":"no role"}',
  ])('counts and ignores what is malformed: %s', (text) => {
    router.route(text);
    expect(router.counts).toEqual({ received: {}, unknown: 0, malformed: 1 });
  });

  test('ignores fields it does not know, and fills in those that may be missing', () => {
    router.route('{"type":"session_ready","session_id":"a","resume_token":"t","more":1}');
    expect(handlers.session_ready).toHaveBeenCalledWith({
      type: 'session_ready',
      session_id: 'a',
      resumed: false,
      chains: { stt: [], llm: [], tts: [] },
    });
  });

  test('passes on states that only a newer gateway knows', () => {
    router.route('{"type":"state_change","seq":1,"state":"pondering","previous":"idle"}');
    expect(handlers.state_change).toHaveBeenCalledOnce();
  });
});
