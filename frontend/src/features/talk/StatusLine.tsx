/** The state of the conversation, large for the eye and settled for the ear. */
'use client';

import clsx from 'clsx';
import { useEffect, useState } from 'react';
import { useConnection } from '@/stores/connection';
import { useSession } from '@/stores/session';
import { statusText } from './statusText';

/** States that last shorter than this are not read out; they would only talk over each other. */
const SETTLED_MS = 600;

export function StatusLine() {
  const session = useSession();
  const connection = useConnection(({ connection }) => connection);
  const { state, hint } = statusText(session, connection);
  // Good advice replaces the hint: who is badly heard needs that first.
  const advice = connection.phase === 'open' ? session.audioAdvice : null;
  const spoken = useSettled([state, advice ?? hint].filter(Boolean).join('. '));
  return (
    <>
      <div aria-hidden="true" className="min-h-14 text-center">
        <p data-testid="state" className="text-2xl font-medium tracking-tight">
          {state}
        </p>
        <p className={clsx('text-sm text-balance', advice ? 'text-warn' : 'text-soft')}>
          {advice ?? hint}
        </p>
      </div>
      <p role="status" className="sr-only">
        {spoken}
      </p>
    </>
  );
}

function useSettled(value: string): string {
  const [settled, setSettled] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
