/** Says in one word, never by colour alone, how the line to the gateway stands. */
'use client';

import { CircleDashed, CloudOff, type LucideIcon, Wifi } from 'lucide-react';
import type { ConnectionState } from '@/protocol/connection';
import { useConnection } from '@/stores/connection';

interface Look {
  icon: LucideIcon;
  text: string;
  tone: string;
}

const LOOKS: Record<Exclude<ConnectionState['phase'], 'idle' | 'closed'>, Look> = {
  connecting: { icon: CircleDashed, text: 'Connecting', tone: 'text-soft' },
  open: { icon: Wifi, text: 'Connected', tone: 'text-assistant' },
  reconnecting: { icon: CircleDashed, text: 'Reconnecting', tone: 'text-warn' },
  failed: { icon: CloudOff, text: 'Disconnected', tone: 'text-bad' },
};

export function ConnectionBadge() {
  const { connection, roundTripMs } = useConnection();
  if (connection.phase === 'idle' || connection.phase === 'closed') return null;
  const { icon: Icon, text, tone } = LOOKS[connection.phase];
  return (
    <p data-testid="connection" className={`flex items-center gap-2 px-2 text-sm ${tone}`}>
      <Icon className="size-4" aria-hidden="true" />
      {text}
      {connection.phase === 'open' && roundTripMs !== null && (
        <span className="hidden font-mono text-xs text-soft tabular-nums sm:inline">
          {roundTripMs} ms
        </span>
      )}
    </p>
  );
}
