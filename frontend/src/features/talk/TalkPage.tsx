/** The talk page: before the first call an invitation, from then on the conversation. */
'use client';

import { useEffect, useRef } from 'react';
import { currentCall } from '@/call/currentCall';
import { CaptionLog } from '@/features/captions/CaptionLog';
import { useCaptions } from '@/stores/captions';
import { useSession } from '@/stores/session';
import { Controls } from './Controls';
import { MessageForm } from './MessageForm';
import { Notices } from './Notices';
import { ProviderLine } from './ProviderLine';
import { StartButton, StartPanel } from './StartPanel';
import { StatusLine } from './StatusLine';
import { useKeyboard } from './useKeyboard';
import { VoiceLine } from './VoiceLine';

export function TalkPage() {
  const live = useSession((session) => session.live);
  const spoken = useCaptions((captions) => captions.items.length > 0);
  const main = useRef<HTMLElement>(null);
  useKeyboard();
  useEffect(() => {
    // The start button is gone once it is pressed; the keyboard must not start from the top again.
    if (live && document.activeElement === document.body) main.current?.focus();
  }, [live]);
  useEffect(() => {
    // Made early, so that the first click finds it ready and diagnostics are there from the start.
    currentCall();
  }, []);
  return (
    <main
      ref={main}
      tabIndex={-1}
      className="mx-auto flex min-h-0 w-full max-w-3xl flex-1 flex-col gap-3 overflow-y-auto px-4 outline-none *:shrink-0 pb-[max(1rem,env(safe-area-inset-bottom))] sm:px-6"
    >
      {live || spoken ? <Conversation live={live} /> : <StartPanel />}
      <MessageForm />
      <div className="min-h-4">{live && <ProviderLine />}</div>
    </main>
  );
}

function Conversation({ live }: { live: boolean }) {
  return (
    <>
      <h1 className="sr-only">Conversation with Tandem</h1>
      <VoiceLine compact />
      <StatusLine />
      <Notices />
      <CaptionLog />
      {live ? <Controls /> : <StartButton label="Start again" />}
    </>
  );
}
