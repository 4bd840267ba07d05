/** Saves the captions as a text or WebVTT file. */
'use client';

import { Download } from 'lucide-react';
import { Button } from '@/components/ui/Button';
import type { Captions } from '@/lib/captions/model';
import { toTxt } from '@/lib/captions/txt';
import { toVtt } from '@/lib/captions/vtt';
import { useCaptions } from '@/stores/captions';

const RELEASE_AFTER_MS = 10_000;

const FORMATS: { extension: string; mime: string; write: (captions: Captions) => string }[] = [
  { extension: 'txt', mime: 'text/plain', write: toTxt },
  { extension: 'vtt', mime: 'text/vtt', write: toVtt },
];

export function SaveCaptions() {
  const empty = useCaptions((captions) => captions.items.length === 0);
  if (empty) return null;
  return (
    <div className="flex items-center justify-end text-sm text-soft">
      <Download className="mr-1 size-4" aria-hidden="true" />
      Save captions
      {FORMATS.map(({ extension, mime, write }) => (
        <Button
          key={extension}
          variant="bare"
          className="underline underline-offset-4"
          aria-label={`Save captions as .${extension}`}
          onClick={() => save(`tandem-captions.${extension}`, mime, write(useCaptions.getState()))}
        >
          .{extension}
        </Button>
      ))}
    </div>
  );
}

function save(name: string, mime: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: `${mime};charset=utf-8` }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // Some browsers only begin to read the file after the click has returned.
  setTimeout(() => URL.revokeObjectURL(address), RELEASE_AFTER_MS);
}
