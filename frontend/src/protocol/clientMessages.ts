/** Every JSON message that this page sends to the gateway. */
import { INPUT_RATE, OUTPUT_RATE } from '../audio/frame';

export type ClientMessage =
  | ReturnType<typeof hello>
  | { type: 'text_message'; text: string }
  | { type: 'interrupt' }
  | { type: 'playback'; epoch: number; played_ms: number }
  | { type: 'commit' }
  | { type: 'mute'; muted: boolean }
  | { type: 'update'; push_to_talk: boolean }
  | { type: 'ping'; t: number }
  | { type: 'end' };

export function hello(pushToTalk: boolean) {
  return {
    type: 'hello' as const,
    protocol: 1,
    input: { encoding: 'pcm_s16le', sample_rate: INPUT_RATE, header: true },
    output: { encoding: 'pcm_s16le', sample_rate: OUTPUT_RATE, framing: 'binary' },
    push_to_talk: pushToTalk,
  };
}
