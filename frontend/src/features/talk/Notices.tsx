/** Everything that is not as it should be, each with what to do about it. */
'use client';

import { CloudOff, MicOff, TriangleAlert, Volume2, X } from 'lucide-react';
import { micAdvice, originIsInsecure } from '@/audio/microphone';
import { currentCall } from '@/call/currentCall';
import { Notice } from '@/components/Notice';
import { Button } from '@/components/ui/Button';
import { useConnection } from '@/stores/connection';
import { micProblem, useSession } from '@/stores/session';
import { useInBrowser } from './useInBrowser';
import { useSecondsUntil } from './useSecondsUntil';

export function Notices() {
  return (
    <div className="flex flex-col gap-2 empty:hidden">
      <FaultNotice />
      <LineNotice />
      <SoundNotice />
      <MicNotice />
    </div>
  );
}

function FaultNotice() {
  const fault = useSession((session) => session.fault);
  if (!fault) return null;
  const dismiss = (
    <Button
      variant="bare"
      aria-label="Dismiss"
      onClick={() => useSession.setState({ fault: null })}
    >
      <X className="size-5" aria-hidden="true" />
    </Button>
  );
  return <Notice tone="bad" icon={<TriangleAlert />} title={fault} action={dismiss} />;
}

function LineNotice() {
  const connection = useConnection(({ connection }) => connection);
  const retryAt = connection.phase === 'reconnecting' ? connection.retryAt : null;
  const seconds = useSecondsUntil(retryAt);
  if (retryAt === null) return null;
  const retry = <Button onClick={() => currentCall().retryConnection()}>Retry now</Button>;
  return (
    <Notice tone="warn" icon={<CloudOff />} title="The line to the gateway dropped." action={retry}>
      {/* The count is for the eye: read out every second it would drown everything else. */}
      <span aria-hidden="true">
        {seconds > 0 ? `Trying again in ${seconds} s.` : 'Trying again.'}
      </span>
      <span className="sr-only">Trying again by itself.</span>
    </Notice>
  );
}

function SoundNotice() {
  const sound = useSession((session) => session.sound);
  const live = useSession((session) => session.live);
  if (!live || sound !== 'blocked') return null;
  const enable = <Button onClick={() => currentCall().enableSound()}>Tap to enable sound</Button>;
  return (
    <Notice
      tone="warn"
      icon={<Volume2 />}
      title="Your browser is holding the sound back."
      action={enable}
    />
  );
}

/** An insecure origin is known before anything is clicked, and said then. */
function MicNotice() {
  const mic = useSession((session) => session.mic);
  const insecure = useInBrowser(originIsInsecure, false);
  const problem = insecure ? 'insecure' : micProblem(mic);
  if (!problem) return null;
  const { title, advice } = micAdvice(problem);
  const retry = problem !== 'insecure' && (
    <Button onClick={() => currentCall().retryMicrophone()}>Try again</Button>
  );
  return (
    <Notice tone="warn" icon={<MicOff />} title={title} action={retry}>
      {advice}
    </Notice>
  );
}
