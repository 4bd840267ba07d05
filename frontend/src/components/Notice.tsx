/** A message with, at most, one thing to do about it. */
import clsx from 'clsx';
import type { ReactNode } from 'react';

interface NoticeProps {
  tone: 'warn' | 'bad';
  icon: ReactNode;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}

const TONES = {
  warn: 'border-warn/30 bg-warn-surface text-warn',
  bad: 'border-bad/30 bg-bad-surface text-bad',
};

export function Notice({ tone, icon, title, children, action }: NoticeProps) {
  return (
    <div
      role={tone === 'bad' ? 'alert' : 'status'}
      className={clsx(
        'appear flex w-full flex-wrap items-center gap-x-3 gap-y-2 rounded-2xl border px-4 py-3 text-left',
        TONES[tone],
      )}
    >
      <span aria-hidden="true" className="shrink-0 [&>svg]:size-5">
        {icon}
      </span>
      <div className="min-w-40 flex-1">
        <p className="font-medium">{title}</p>
        {children && <p className="text-sm text-ink">{children}</p>}
      </div>
      {action}
    </div>
  );
}
