/** Typing instead of talking; sending is a click, so it may start call and sound. */
'use client';

import { ArrowUp } from 'lucide-react';
import { type FormEvent, useRef } from 'react';
import { currentCall } from '@/call/currentCall';

export function MessageForm() {
  const field = useRef<HTMLInputElement>(null);
  const send = (event: FormEvent) => {
    event.preventDefault();
    const text = field.current?.value.trim();
    if (!field.current || !text) return;
    currentCall().sendText(text);
    field.current.value = '';
  };
  return (
    <form onSubmit={send} className="flex items-center gap-2">
      <input
        ref={field}
        type="text"
        aria-label="Message"
        placeholder="Type instead of talking"
        autoComplete="off"
        enterKeyHint="send"
        maxLength={4000}
        className="min-h-12 w-full rounded-full border border-line bg-surface px-5 text-base placeholder:text-soft"
      />
      <button
        type="submit"
        aria-label="Send message"
        className="grid size-12 shrink-0 place-items-center rounded-full border border-line bg-surface text-soft transition-colors hover:border-soft hover:text-ink"
      >
        <ArrowUp className="size-5" aria-hidden="true" />
      </button>
    </form>
  );
}
