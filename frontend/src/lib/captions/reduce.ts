/** Keeps the captions current: one event in, the next captions out. */
import type {
  AssistantCaption,
  CallerCaption,
  Caption,
  CaptionEvent,
  CaptionEventOf,
  Captions,
  Note,
  Segment,
} from './model';

export function reduceCaptions(captions: Captions, event: CaptionEvent): Captions {
  switch (event.type) {
    case 'session_started':
      return sessionStarted(captions, event);
    case 'typed':
      return typed(captions, event);
    case 'transcript':
      return event.role === 'user' ? callerSaid(captions, event) : assistantSaid(captions, event);
    case 'reply_delta':
      return replyDelta(captions, event);
    case 'sources':
      return sourcesFound(captions, event);
    case 'reply_done':
      return replyDone(captions, event);
  }
}

const NEW_CONVERSATION = 'A new conversation begins here. Tandem does not remember the one above.';

/** What was typed without a line belongs to the session that now gets it. */
function sessionStarted(captions: Captions, { atMs }: CaptionEventOf<'session_started'>): Captions {
  const session = captions.session + 1;
  const isUnsent = (item: Caption) => isCaller(item) && !item.sent;
  const before = captions.items.filter((item) => !isUnsent(item));
  const unsent = captions.items.filter(isUnsent).map((item) => ({ ...item, session, sent: true }));
  const closed = { ...captions, session, items: before };
  const opened =
    before.length > 0 ? put(closed, atMs, { speaker: 'note', text: NEW_CONVERSATION }) : closed;
  return { ...opened, items: [...opened.items, ...unsent] };
}

/** Shown at once; the gateway's own transcript takes its place when it comes. */
function typed(captions: Captions, { text, sent, atMs }: CaptionEventOf<'typed'>): Captions {
  const segments = [{ segment: 0, revision: -1, text, final: true }];
  const { session } = captions;
  return put(captions, atMs, { speaker: 'caller', session, turn: null, sent, segments });
}

function callerSaid(captions: Captions, event: CaptionEventOf<'transcript'>): Captions {
  const known = find(captions, isCaller, ({ turn }) => turn === event.turn);
  const echoed = find(captions, isCaller, ({ turn, segments }) => {
    return turn === null && segments[0].text.trim() === event.text.trim();
  });
  const caption = known ?? echoed;
  const segments = withSegment(caption?.segments ?? [], event);
  return put(captions, event.atMs, {
    ...(caption ?? { speaker: 'caller', session: captions.session, sent: true }),
    turn: event.turn,
    segments,
  });
}

function assistantSaid(captions: Captions, event: CaptionEventOf<'transcript'>): Captions {
  const caption = openReply(captions, event.turn) ?? lastReply(captions, event.turn);
  const segments = withSegment(caption?.segments ?? [], event);
  return put(captions, event.atMs, { ...(caption ?? newReply(captions, event.turn)), segments });
}

/** Words that come after a reply has ended belong to a further reply of the same turn (an apology, say). */
function replyDelta(captions: Captions, event: CaptionEventOf<'reply_delta'>): Captions {
  const caption = openReply(captions, event.turn) ?? newReply(captions, event.turn);
  return put(captions, event.atMs, { ...caption, streamed: caption.streamed + event.delta });
}

/** Sources come before the words that rest on them; the same page is listed once. */
function sourcesFound(captions: Captions, event: CaptionEventOf<'sources'>): Captions {
  const caption = openReply(captions, event.turn) ?? newReply(captions, event.turn);
  const known = new Set(caption.sources.map(({ url }) => url));
  const fresh = event.sources.filter(({ url }) => !known.has(url));
  return put(captions, event.atMs, { ...caption, sources: [...caption.sources, ...fresh] });
}

function replyDone(captions: Captions, event: CaptionEventOf<'reply_done'>): Captions {
  const { text, heardText } = event;
  const again = find(captions, isAssistant, (item) => {
    return item.turn === event.turn && item.outcome?.text === text;
  });
  const caption = openReply(captions, event.turn) ?? again ?? newReply(captions, event.turn);
  return put(captions, event.atMs, { ...caption, outcome: { text, heardText } });
}

/** A higher revision replaces; an equal one only to make an interim segment final. */
function withSegment(segments: Segment[], incoming: Segment): Segment[] {
  const { segment, revision, text, final } = incoming;
  const existing = segments.find((candidate) => candidate.segment === segment);
  const outdated =
    existing !== undefined &&
    (revision < existing.revision || (revision === existing.revision && existing.final));
  if (outdated) return segments;
  const others = segments.filter((candidate) => candidate.segment !== segment);
  return [...others, { segment, revision, text, final }].sort((a, b) => a.segment - b.segment);
}

type New<T> = Omit<T, 'key' | 'startedMs' | 'updatedMs'> & { key?: number; startedMs?: number };

/** Replaces the caption of the same key, or adds a new one at the end. */
function put(
  captions: Captions,
  atMs: number,
  caption: New<CallerCaption> | New<AssistantCaption> | New<Note>,
): Captions {
  const key = caption.key ?? captions.nextKey;
  const item = {
    ...caption,
    key,
    startedMs: caption.startedMs ?? atMs,
    updatedMs: atMs,
  } as Caption;
  if (caption.key === undefined) {
    return { ...captions, nextKey: key + 1, items: [...captions.items, item] };
  }
  return { ...captions, items: captions.items.map((old) => (old.key === key ? item : old)) };
}

function newReply({ session }: Captions, turn: number): New<AssistantCaption> {
  return {
    speaker: 'assistant',
    session,
    turn,
    streamed: '',
    segments: [],
    sources: [],
    outcome: null,
  };
}

const isCaller = (item: Caption): item is CallerCaption => item.speaker === 'caller';
const isAssistant = (item: Caption): item is AssistantCaption => item.speaker === 'assistant';

function openReply(captions: Captions, turn: number): AssistantCaption | undefined {
  return find(captions, isAssistant, (item) => item.turn === turn && item.outcome === null);
}

function lastReply(captions: Captions, turn: number): AssistantCaption | undefined {
  return find(captions, isAssistant, (item) => item.turn === turn);
}

/** The newest caption of the current session that fits. */
function find<T extends CallerCaption | AssistantCaption>(
  captions: Captions,
  kind: (item: Caption) => item is T,
  fits: (item: T) => boolean,
): T | undefined {
  return captions.items.findLast((item): item is T => {
    return kind(item) && item.session === captions.session && fits(item);
  });
}
