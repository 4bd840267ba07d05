/** Captions as a plain text file. */
import type { Captions } from './model';
import { plainText, SPEAKER_NAMES } from './text';

export function toTxt({ items }: Captions): string {
  const lines = items
    .map((caption) => {
      const text = plainText(caption);
      if (text === '') return '';
      return caption.speaker === 'note'
        ? `(${text})`
        : `${SPEAKER_NAMES[caption.speaker]}: ${text}`;
    })
    .filter((line) => line !== '');
  return `${lines.join('\n\n')}\n`;
}
