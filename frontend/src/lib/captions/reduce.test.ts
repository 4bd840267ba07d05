/** The captions follow the conversation, through revisions, barge-ins and new sessions. */
import { describe, expect, test } from 'vitest';
import { type CaptionEvent, type Captions, NO_CAPTIONS, type Segment } from './model';
import { reduceCaptions } from './reduce';
import { captionParts } from './text';

type Told = CaptionEvent extends infer E
  ? E extends CaptionEvent
    ? Omit<E, 'atMs'>
    : never
  : never;

function captionsAfter(...events: Told[]): Captions {
  return events.reduce<Captions>(
    (captions, event, index) => reduceCaptions(captions, { ...event, atMs: index * 100 }),
    NO_CAPTIONS,
  );
}

function heard(turn: number, text: string, segment: Partial<Segment> = {}): Told {
  const defaults = { segment: 0, revision: 0, final: false };
  return { type: 'transcript', role: 'user', turn, text, ...defaults, ...segment };
}

const delta = (turn: number, text: string): Told => ({ type: 'reply_delta', turn, delta: text });

/** "speaker: text" of each caption; interim in (), unheard in []. */
function shown(captions: Captions): string[] {
  return captions.items.map((caption) => {
    const parts = captionParts(caption).map(({ kind, text }) => {
      if (kind === 'interim') return `(${text})`;
      return kind === 'unheard' ? `[${text}]` : text;
    });
    return `${caption.speaker}: ${parts.join(' ')}`;
  });
}

describe('the caller’s words', () => {
  test('are interim until they are final', () => {
    const first = heard(1, 'what ti', { revision: 1 });
    expect(shown(captionsAfter(first))).toEqual(['caller: (what ti)']);
    const last = heard(1, 'What time is it?', { revision: 2, final: true });
    expect(shown(captionsAfter(first, last))).toEqual(['caller: What time is it?']);
  });

  test('are not set back by a revision that comes late', () => {
    const captions = captionsAfter(
      heard(1, 'What time is it?', { revision: 5, final: true }),
      heard(1, 'what ti', { revision: 4 }),
      heard(1, 'what time', { revision: 5 }),
    );
    expect(shown(captions)).toEqual(['caller: What time is it?']);
  });

  test('become final without a new revision number', () => {
    const captions = captionsAfter(
      heard(1, 'yes', { revision: 3 }),
      heard(1, 'Yes.', { revision: 3, final: true }),
    );
    expect(shown(captions)).toEqual(['caller: Yes.']);
  });

  test('of several segments stand in order in one caption', () => {
    const captions = captionsAfter(
      heard(1, 'and then', { segment: 1 }),
      heard(1, 'First this', { segment: 0, final: true }),
    );
    expect(shown(captions)).toEqual(['caller: First this (and then)']);
  });

  test('that turn out to be nothing are not shown', () => {
    const captions = captionsAfter(heard(1, 'hm'), heard(1, ' ', { revision: 1, final: true }));
    expect(captionParts(captions.items[0])).toEqual([]);
  });
});

describe('typed messages', () => {
  test('stand at once, and are not doubled by the gateway’s own transcript', () => {
    const captions = captionsAfter(
      { type: 'typed', text: 'What time is it?', sent: true },
      heard(4, 'What time is it?', { final: true }),
      delta(4, 'Noon.'),
    );
    expect(shown(captions)).toEqual(['caller: What time is it?', 'assistant: (Noon.)']);
  });

  test('do not swallow other words that are spoken meanwhile', () => {
    const captions = captionsAfter(
      { type: 'typed', text: 'Hello', sent: true },
      heard(4, 'Wait', { final: true }),
    );
    expect(shown(captions)).toEqual(['caller: Hello', 'caller: Wait']);
  });
});

describe('the reply', () => {
  test('grows word by word and becomes solid when it is done', () => {
    const growing = [delta(1, 'It is '), delta(1, 'noon.')];
    expect(shown(captionsAfter(...growing))).toEqual(['assistant: (It is noon.)']);
    const done: Told = { type: 'reply_done', turn: 1, text: 'It is noon.', heardText: null };
    expect(shown(captionsAfter(...growing, done))).toEqual(['assistant: It is noon.']);
  });

  test('is struck through from where the caller barged in', () => {
    const captions = captionsAfter(delta(1, 'One two three four.'), heard(2, 'stop'), {
      type: 'reply_done',
      turn: 1,
      text: 'One two three four.',
      heardText: 'One  two',
    });
    expect(shown(captions)).toEqual(['assistant: One two [three four.]', 'caller: (stop)']);
  });

  test('is struck through as a whole when nothing of it was heard', () => {
    const captions = captionsAfter({
      type: 'reply_done',
      turn: 1,
      text: 'One two.',
      heardText: '',
    });
    expect(shown(captions)).toEqual(['assistant: [One two.]']);
  });

  test('is struck through by letters in a language without spaces', () => {
    const captions = captionsAfter({
      type: 'reply_done',
      turn: 1,
      text: '今日は。明日は。',
      heardText: '今日は。',
    });
    expect(shown(captions)).toEqual(['assistant: 今日は。 [明日は。]']);
  });

  test('lists each source once, those that came before its words too', () => {
    const source = { url: 'https://a.example/', title: 'A' };
    const captions = captionsAfter(
      { type: 'sources', turn: 1, sources: [source] },
      { type: 'sources', turn: 1, sources: [source] },
      delta(1, 'As A says.'),
    );
    expect(captions.items).toHaveLength(1);
    expect(captions.items[0]).toMatchObject({ streamed: 'As A says.', sources: [source] });
  });

  test('is a new one when words follow after it was done', () => {
    const captions = captionsAfter(
      delta(1, 'One '),
      { type: 'reply_done', turn: 1, text: 'One two', heardText: 'One' },
      delta(1, 'Sorry, once more.'),
    );
    expect(shown(captions)).toEqual(['assistant: One [two]', 'assistant: (Sorry, once more.)']);
  });

  test('is not doubled when its end is told twice', () => {
    const done: Told = { type: 'reply_done', turn: 1, text: 'Noon.', heardText: null };
    expect(shown(captionsAfter(delta(1, 'Noon.'), done, done))).toEqual(['assistant: Noon.']);
  });

  test('can come as transcripts instead of text', () => {
    const said: Told = {
      type: 'transcript',
      role: 'assistant',
      turn: 1,
      segment: 0,
      revision: 0,
      text: 'Noon.',
      final: true,
    };
    expect(shown(captionsAfter(said))).toEqual(['assistant: (Noon.)']);
  });
});

describe('a new session', () => {
  test('does not write over the turns of the one before', () => {
    const captions = captionsAfter(
      { type: 'session_started' },
      heard(1, 'before', { final: true }),
      { type: 'session_started' },
      heard(1, 'after', { final: true }),
    );
    expect(shown(captions)).toEqual([
      'caller: before',
      expect.stringMatching(/^note: A new conversation/),
      'caller: after',
    ]);
  });

  test('gets what was typed while there was no line', () => {
    const captions = captionsAfter(
      { type: 'session_started' },
      heard(1, 'before', { final: true }),
      { type: 'typed', text: 'Hello?', sent: false },
      { type: 'session_started' },
      heard(1, 'Hello?', { final: true }),
    );
    expect(shown(captions)).toEqual([
      'caller: before',
      expect.stringMatching(/^note: A new conversation/),
      'caller: Hello?',
    ]);
  });

  test('needs no remark when it is the first', () => {
    const captions = captionsAfter(
      { type: 'typed', text: 'Hello?', sent: false },
      { type: 'session_started' },
      heard(1, 'Hello?', { final: true }),
    );
    expect(shown(captions)).toEqual(['caller: Hello?']);
  });
});
