/** Captions as a WebVTT file, for players and caption editors. */
import type { Caption, Captions } from './model';
import { plainText, SPEAKER_NAMES } from './text';

const SHORTEST_CUE_MS = 1_000;
/** Speech at 150 words a minute; the page is not told when each word sounded. */
const MS_PER_WORD = 400;

export function toVtt({ items }: Captions): string {
  const cues = items.filter((caption) => plainText(caption) !== '').map(cue);
  return ['WEBVTT', ...cues].join('\n\n').concat('\n');
}

function cue(caption: Caption): string {
  const text = escapeVtt(plainText(caption));
  const body = caption.speaker === 'note' ? text : `<v ${SPEAKER_NAMES[caption.speaker]}>${text}`;
  return `${timestamp(caption.startedMs)} --> ${timestamp(endOf(caption))}\n${body}`;
}

function endOf(caption: Caption): number {
  const spokenMs = plainText(caption).split(/\s+/).length * MS_PER_WORD;
  const { startedMs, updatedMs } = caption;
  return Math.max(startedMs + SHORTEST_CUE_MS, startedMs + spokenMs, updatedMs);
}

function timestamp(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor(whole / 60_000) % 60;
  const seconds = Math.floor(whole / 1000) % 60;
  return `${pad(hours)}:${pad(minutes)}:${pad(seconds)}.${pad(whole % 1000, 3)}`;
}

function pad(value: number, digits = 2): string {
  return String(value).padStart(digits, '0');
}

/** WebVTT reads `<` and `&` as markup, and `-->` as timing. */
function escapeVtt(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
