/** Saved captions read like the conversation, whatever was said in it. */
import { describe, expect, test } from 'vitest';
import type { Captions } from './model';
import { toTxt } from './txt';
import { toVtt } from './vtt';

const segment = { segment: 0, revision: 0, final: true };
const CONVERSATION: Captions = {
  session: 1,
  nextKey: 5,
  items: [
    {
      key: 1,
      speaker: 'caller',
      session: 1,
      turn: 1,
      sent: true,
      startedMs: 1_500,
      updatedMs: 2_250,
      segments: [{ ...segment, text: 'Is 2 < 3 & 4 --> 5?' }],
    },
    {
      key: 2,
      speaker: 'assistant',
      session: 1,
      turn: 1,
      startedMs: 3_661_000,
      updatedMs: 3_662_000,
      streamed: '',
      segments: [],
      sources: [],
      outcome: { text: 'Yes it is, of course.', heardText: 'Yes it' },
    },
    { key: 3, speaker: 'note', startedMs: 3_700_000, updatedMs: 3_700_000, text: 'New call.' },
    {
      key: 4,
      speaker: 'caller',
      session: 1,
      turn: 2,
      sent: true,
      startedMs: 3_800_000,
      updatedMs: 3_800_000,
      segments: [{ ...segment, text: ' ' }],
    },
  ],
};

describe('saved captions', () => {
  test('as text name the speakers and mark what was not heard', () => {
    expect(toTxt(CONVERSATION)).toBe(
      'You: Is 2 < 3 & 4 --> 5?\n\nTandem: Yes it [not heard: is, of course.]\n\n(New call.)\n',
    );
  });

  test('as WebVTT have times and speakers, and escape what would be markup', () => {
    expect(toVtt(CONVERSATION)).toBe(
      [
        'WEBVTT',
        '00:00:01.500 --> 00:00:04.700\n<v You>Is 2 &lt; 3 &amp; 4 --&gt; 5?',
        '01:01:01.000 --> 01:01:03.800\n<v Tandem>Yes it [not heard: is, of course.]',
        '01:01:40.000 --> 01:01:41.000\nNew call.\n',
      ].join('\n\n'),
    );
  });
});
