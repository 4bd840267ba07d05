/** Header and room: every page stands inside it. */
'use client';

import Link from 'next/link';
import type { ReactNode } from 'react';
import { ConnectionBadge } from './ConnectionBadge';
import { KeyboardHelp } from './KeyboardHelp';
import { Mark } from './Mark';

export function AppShell({ children }: { children: ReactNode }) {
  return (
    <div className="flex h-[100svh] flex-col pt-[env(safe-area-inset-top)] pr-[env(safe-area-inset-right)] pl-[env(safe-area-inset-left)]">
      <header className="mx-auto flex w-full max-w-3xl items-center justify-between gap-4 px-4 py-2 sm:px-6">
        <Link
          href="/"
          className="flex min-h-11 items-center gap-3 rounded-lg text-lg font-medium tracking-tight"
        >
          <Mark />
          Tandem
        </Link>
        <div className="flex items-center gap-1">
          <ConnectionBadge />
          <KeyboardHelp />
        </div>
      </header>
      {children}
    </div>
  );
}
