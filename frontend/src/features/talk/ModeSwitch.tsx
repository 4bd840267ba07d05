/** Hands-free or push-to-talk. */
'use client';

import clsx from 'clsx';
import { currentCall } from '@/call/currentCall';
import { type TalkMode, useSession } from '@/stores/session';

const MODES: { mode: TalkMode; name: string }[] = [
  { mode: 'hands-free', name: 'Hands-free' },
  { mode: 'push-to-talk', name: 'Push to talk' },
];

export function ModeSwitch() {
  const chosen = useSession((session) => session.mode);
  return (
    <fieldset className="flex grow rounded-full *:grow *:justify-center border border-line bg-sunken p-0.5">
      <legend className="sr-only">How to talk</legend>
      {MODES.map(({ mode, name }) => (
        <label
          key={mode}
          className={clsx(
            'flex min-h-11 items-center rounded-full px-4 text-sm transition-colors',
            'has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-action',
            mode === chosen
              ? 'bg-raised font-medium text-ink shadow-sm'
              : 'text-soft hover:text-ink',
          )}
        >
          <input
            type="radio"
            name="talk-mode"
            className="sr-only"
            checked={mode === chosen}
            onChange={() => currentCall().setMode(mode)}
          />
          {name}
        </label>
      ))}
    </fieldset>
  );
}
