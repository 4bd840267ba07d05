/** The push-to-talk button: held by finger, mouse or key; a screen reader's click toggles it. */
'use client';

import clsx from 'clsx';
import { Mic } from 'lucide-react';
import type { KeyboardEvent, MouseEvent, PointerEvent } from 'react';
import { currentCall } from '@/call/currentCall';
import { useSession } from '@/stores/session';

export function HoldToTalk() {
  const holding = useSession((session) => session.holding);
  return (
    <button
      type="button"
      aria-pressed={holding}
      onPointerDown={press}
      onPointerUp={letGo}
      onPointerCancel={letGo}
      onLostPointerCapture={letGo}
      onKeyDown={pressKey}
      onKeyUp={letGoKey}
      onBlur={letGo}
      onClick={toggle}
      onContextMenu={(event) => event.preventDefault()}
      className={clsx(
        'flex min-h-16 w-full touch-none items-center justify-center gap-3 rounded-full text-lg font-medium select-none',
        'transition-colors',
        holding ? 'bg-caller text-paper' : 'bg-action text-on-action hover:opacity-90',
      )}
    >
      <Mic className="size-6" aria-hidden="true" />
      {holding ? 'Listening' : 'Hold to talk'}
    </button>
  );
}

function press(event: PointerEvent<HTMLButtonElement>): void {
  if (event.button !== 0) return;
  event.currentTarget.setPointerCapture(event.pointerId);
  currentCall().hold();
}

function letGo(): void {
  currentCall().release();
}

function pressKey(event: KeyboardEvent): void {
  if (event.key !== ' ' && event.key !== 'Enter') return;
  // The page's own listener must not take the same key for a second press.
  event.stopPropagation();
  event.preventDefault();
  if (!event.repeat) currentCall().hold();
}

function letGoKey(event: KeyboardEvent): void {
  if (event.key !== ' ' && event.key !== 'Enter') return;
  event.preventDefault();
  currentCall().release();
}

/** Keys and pointers are dealt with above; what remains is a click that nobody pressed. */
function toggle(event: MouseEvent): void {
  if (event.detail !== 0) return;
  if (useSession.getState().holding) currentCall().release();
  else currentCall().hold();
}
