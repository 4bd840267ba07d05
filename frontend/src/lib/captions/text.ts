/** What a caption reads: solid words, words still being guessed, and words that were never heard. */
import type { AssistantCaption, Caption } from './model';

export interface CaptionPart {
  /** Stable while the words only grow, so that screen readers hear a final part once. */
  id: string;
  text: string;
  kind: 'final' | 'interim' | 'unheard';
}

export function captionParts(caption: Caption): CaptionPart[] {
  if (caption.speaker === 'note') return [{ id: 'note', text: caption.text, kind: 'final' }];
  if (caption.speaker === 'assistant') return assistantParts(caption);
  return caption.segments
    .filter((segment) => segment.text.trim() !== '')
    .map(({ segment, text, final }) => ({
      id: `${segment}`,
      text: text.trim(),
      kind: final ? 'final' : 'interim',
    }));
}

function assistantParts({ outcome, streamed, segments }: AssistantCaption): CaptionPart[] {
  if (!outcome) {
    const text = streamed || segments.map((segment) => segment.text.trim()).join(' ');
    return nonEmpty([{ id: 'reply', text, kind: 'interim' }]);
  }
  const { heard, unheard } = splitHeard(outcome.text, outcome.heardText);
  return nonEmpty([
    { id: 'heard', text: heard, kind: 'final' },
    { id: 'unheard', text: unheard, kind: 'unheard' },
  ]);
}

/** Counts words instead of characters, because spaces may differ between what was written and what was said. */
export function splitHeard(
  text: string,
  heardText: string | null,
): { heard: string; unheard: string } {
  if (heardText === null) return { heard: text.trim(), unheard: '' };
  // Languages without spaces have no words to count; the gateway's heard text is then a prefix to the letter.
  if (text.startsWith(heardText)) {
    return { heard: heardText.trim(), unheard: text.slice(heardText.length).trim() };
  }
  const words = text.match(/\S+/g) ?? [];
  const heardCount = heardText.match(/\S+/g)?.length ?? 0;
  return {
    heard: words.slice(0, heardCount).join(' '),
    unheard: words.slice(heardCount).join(' '),
  };
}

/** The caption as one line of plain text; words that were never heard stand in square brackets. */
export function plainText(caption: Caption): string {
  return captionParts(caption)
    .map(({ text, kind }) => (kind === 'unheard' ? `[not heard: ${text}]` : text))
    .join(' ');
}

export const SPEAKER_NAMES = { caller: 'You', assistant: 'Tandem' } as const;

function nonEmpty(parts: CaptionPart[]): CaptionPart[] {
  return parts.filter((part) => part.text.trim() !== '');
}
