/** What someone sees first: one sentence, one button. */
'use client';

import { Mic } from 'lucide-react';
import { originIsInsecure } from '@/audio/microphone';
import { currentCall } from '@/call/currentCall';
import { Button } from '@/components/ui/Button';
import { ModeSwitch } from './ModeSwitch';
import { Notices } from './Notices';
import { useInBrowser } from './useInBrowser';
import { VoiceLine } from './VoiceLine';

export function StartPanel() {
  const insecure = useInBrowser(originIsInsecure, false);
  return (
    <div className="flex flex-1 flex-col items-center justify-center gap-7 py-6 text-center">
      <VoiceLine compact={false} />
      <div className="space-y-3">
        <h1 className="text-4xl font-medium tracking-tight text-balance sm:text-5xl">
          Talk with Tandem
        </h1>
        <p className="mx-auto max-w-md text-lg text-balance text-soft">
          Speak as you would on the phone. You can interrupt at any time.
        </p>
      </div>
      <Notices />
      {!insecure && (
        <>
          <div className="flex flex-col items-center gap-3">
            <StartButton label="Start talking" />
            <p className="text-sm text-soft">Tap to enable sound and microphone</p>
          </div>
          <div className="flex">
            <ModeSwitch />
          </div>
        </>
      )}
    </div>
  );
}

export function StartButton({ label }: { label: string }) {
  return (
    <Button
      variant="primary"
      className="min-h-16 self-center"
      onClick={() => currentCall().start()}
    >
      <Mic className="size-6" aria-hidden="true" />
      {label}
    </Button>
  );
}
