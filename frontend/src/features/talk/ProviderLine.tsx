/** Who hears, thinks and speaks right now, and how quick the last answer was. */
'use client';

import { type Slot, useSession } from '@/stores/session';

const SLOTS: { slot: Slot; does: string }[] = [
  { slot: 'stt', does: 'Hears' },
  { slot: 'llm', does: 'Thinks' },
  { slot: 'tts', does: 'Speaks' },
];

export function ProviderLine() {
  const turnLatencyMs = useSession((session) => session.turnLatencyMs);
  return (
    <dl className="flex flex-wrap gap-x-4 gap-y-1 text-xs text-soft">
      {SLOTS.map(({ slot, does }) => (
        <Provider key={slot} slot={slot} does={does} />
      ))}
      {turnLatencyMs !== null && (
        <div className="ml-auto flex gap-1.5">
          <dt>Answered in</dt>
          <dd className="font-mono text-ink tabular-nums">{(turnLatencyMs / 1000).toFixed(2)} s</dd>
        </div>
      )}
    </dl>
  );
}

function Provider({ slot, does }: { slot: Slot; does: string }) {
  const name = useSession((session) => session.active[slot]);
  const preferred = useSession((session) => session.chains[slot][0]);
  if (!name) return null;
  return (
    <div className="flex gap-1.5">
      <dt>{does}</dt>
      <dd className="font-mono text-ink">
        {name}
        {preferred && name !== preferred && (
          <span className="font-sans text-warn"> for {preferred}</span>
        )}
      </dd>
    </div>
  );
}
