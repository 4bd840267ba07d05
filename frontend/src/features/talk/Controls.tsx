/** The buttons of a running call. */
'use client';

import { Hand, Mic, MicOff, PhoneOff } from 'lucide-react';
import { currentCall } from '@/call/currentCall';
import { Button } from '@/components/ui/Button';
import { useSession } from '@/stores/session';
import { HoldToTalk } from './HoldToTalk';
import { ModeSwitch } from './ModeSwitch';

export function Controls() {
  const pushToTalk = useSession((session) => session.mode === 'push-to-talk');
  const hasMic = useSession((session) => session.mic === 'on');
  return (
    <div className="flex flex-col gap-3">
      {pushToTalk && hasMic && <HoldToTalk />}
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
        {hasMic && (
          <div className="flex grow sm:grow-0">
            <ModeSwitch />
          </div>
        )}
        <div className="flex grow gap-2 *:grow sm:justify-end sm:*:grow-0">
          {hasMic && <Mute />}
          <Interrupt />
          <Button variant="danger" onClick={() => currentCall().end()}>
            <PhoneOff className="size-5" aria-hidden="true" />
            End
          </Button>
        </div>
      </div>
    </div>
  );
}

/** `aria-pressed` says whether it is on, so the name stays the same. */
function Mute() {
  const muted = useSession((session) => session.muted);
  const Icon = muted ? MicOff : Mic;
  return (
    <Button aria-pressed={muted} onClick={() => currentCall().toggleMute()}>
      <Icon className="size-5" aria-hidden="true" />
      Mute
    </Button>
  );
}

function Interrupt() {
  const canInterrupt = useSession(({ playing, turnState }) => {
    return playing || turnState === 'thinking' || turnState === 'speaking';
  });
  return (
    <Button disabled={!canInterrupt} onClick={() => currentCall().interrupt()}>
      <Hand className="size-5" aria-hidden="true" />
      Interrupt
    </Button>
  );
}
