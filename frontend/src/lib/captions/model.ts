/** The conversation in writing: what each side said, and the events that change it. */

export interface Segment {
  segment: number;
  revision: number;
  text: string;
  final: boolean;
}

export interface Source {
  url: string;
  title: string;
}

interface Shown {
  key: number;
  /** Milliseconds since the first call of the page began. */
  startedMs: number;
  updatedMs: number;
}

export interface CallerCaption extends Shown {
  speaker: 'caller';
  session: number;
  /** Null while a typed message waits for the gateway to give it a turn. */
  turn: number | null;
  /** False for what was typed while there was no line: the next session will get it. */
  sent: boolean;
  segments: Segment[];
}

export interface AssistantCaption extends Shown {
  speaker: 'assistant';
  session: number;
  turn: number;
  /** The words as the model writes them. */
  streamed: string;
  segments: Segment[];
  /** Where the words come from, as tools told. */
  sources: Source[];
  /** Known once the reply has ended; `heardText` is null when it was heard to the end. */
  outcome: { text: string; heardText: string | null } | null;
}

export interface Note extends Shown {
  speaker: 'note';
  text: string;
}

export type Caption = CallerCaption | AssistantCaption | Note;

export interface Captions {
  /** Turn numbers start again with each session, so they identify a caption only together with it. */
  session: number;
  nextKey: number;
  items: Caption[];
}

export type CaptionEvent = { atMs: number } & (
  | { type: 'session_started' }
  | { type: 'typed'; text: string; sent: boolean }
  | ({ type: 'transcript'; turn: number; role: 'user' | 'assistant' } & Segment)
  | { type: 'reply_delta'; turn: number; delta: string }
  | { type: 'sources'; turn: number; sources: Source[] }
  | { type: 'reply_done'; turn: number; text: string; heardText: string | null }
);

export type CaptionEventOf<T extends CaptionEvent['type']> = Extract<CaptionEvent, { type: T }>;

export const NO_CAPTIONS: Captions = { session: 0, nextKey: 1, items: [] };
