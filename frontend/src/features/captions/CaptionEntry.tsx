/** One side's words: solid when final, grey while guessed, struck through when never heard. */
import clsx from 'clsx';
import { memo } from 'react';
import type { Caption, Source } from '@/lib/captions/model';
import { type CaptionPart, captionParts, SPEAKER_NAMES } from '@/lib/captions/text';

const TONES = { caller: 'text-caller', assistant: 'text-assistant' };

export const CaptionEntry = memo(function CaptionEntry({ caption }: { caption: Caption }) {
  const parts = captionParts(caption);
  if (parts.length === 0) return null;
  if (caption.speaker === 'note') {
    return <p className="appear text-center text-sm text-balance text-soft">{parts[0].text}</p>;
  }
  const settled = parts.every((part) => part.kind !== 'interim');
  return (
    <div
      data-speaker={caption.speaker}
      className="appear grid gap-x-5 gap-y-0.5 sm:grid-cols-[5rem_1fr]"
    >
      <p
        aria-hidden={!settled}
        className={clsx('text-sm leading-7 font-medium sm:text-right', TONES[caption.speaker])}
      >
        {SPEAKER_NAMES[caption.speaker]}
        <span className="sr-only">:</span>
      </p>
      <div className="text-lg leading-7 break-words">
        <p>
          {parts.map((part) => (
            // A part that becomes final is a new element, which is what makes screen readers read it.
            <Part key={`${part.id} ${part.kind}`} part={part} />
          ))}
        </p>
        {caption.speaker === 'assistant' && <Sources sources={caption.sources} />}
      </div>
    </div>
  );
});

function Sources({ sources }: { sources: Source[] }) {
  if (sources.length === 0) return null;
  return (
    <ul aria-label="Sources" className="mt-1 flex flex-wrap gap-x-4 text-sm">
      {sources.map(({ url, title }) => (
        <li key={url}>
          <a
            href={url}
            target="_blank"
            rel="noreferrer"
            className="inline-block min-h-11 py-2.5 text-soft underline underline-offset-4"
          >
            {title || new URL(url).host}
          </a>
        </li>
      ))}
    </ul>
  );
}

function Part({ part: { kind, text } }: { part: CaptionPart }) {
  switch (kind) {
    case 'final':
      return <span data-kind="final">{text} </span>;
    case 'interim':
      return (
        <span data-kind="interim" aria-hidden="true" className="text-soft">
          {text}{' '}
        </span>
      );
    case 'unheard':
      return (
        <del data-kind="unheard" className="text-soft decoration-1">
          <span className="sr-only">not heard: </span>
          {text}
        </del>
      );
  }
}
