/** A small dialog with the keys that work during a call. */
'use client';

import { Keyboard } from 'lucide-react';
import { useRef } from 'react';
import { Button } from './ui/Button';

const KEYS = [
  { key: 'Space', does: 'Hold to talk, in push-to-talk' },
  { key: 'M', does: 'Mute or unmute the microphone' },
  { key: 'Esc', does: 'Interrupt the reply' },
];

export function KeyboardHelp() {
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <Button
        variant="bare"
        aria-label="Keyboard shortcuts"
        onClick={() => dialog.current?.showModal()}
      >
        <Keyboard className="size-5" aria-hidden="true" />
      </Button>
      <dialog
        ref={dialog}
        aria-labelledby="keyboard-help"
        className="m-auto w-[min(24rem,calc(100vw-2rem))] rounded-2xl border border-line bg-surface p-6 text-ink shadow-xl backdrop:bg-black/40"
      >
        <h2 id="keyboard-help" className="text-lg font-medium">
          Keyboard
        </h2>
        <dl className="mt-4 space-y-3">
          {KEYS.map(({ key, does }) => (
            <div key={key} className="flex items-center gap-4">
              <dt className="w-16">
                <kbd className="rounded-md border border-line bg-sunken px-2 py-1 font-mono text-sm">
                  {key}
                </kbd>
              </dt>
              <dd className="text-soft">{does}</dd>
            </div>
          ))}
        </dl>
        <p className="mt-4 text-sm text-soft">The keys rest while you are typing a message.</p>
        <form method="dialog" className="mt-6 flex justify-end">
          <Button type="submit">Close</Button>
        </form>
      </dialog>
    </>
  );
}
