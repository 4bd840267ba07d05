/** The one button of the page, in its four looks; never smaller than a fingertip. */
import clsx from 'clsx';
import type { ComponentProps } from 'react';

const LOOKS = {
  primary: 'rounded-full bg-action px-8 text-lg font-medium text-on-action hover:opacity-90',
  quiet:
    'rounded-full border border-line bg-surface px-4 text-ink hover:border-soft aria-pressed:border-warn aria-pressed:bg-warn-surface aria-pressed:text-warn',
  danger: 'rounded-full border border-line bg-surface px-4 text-bad hover:border-bad',
  bare: 'rounded-full px-2.5 text-soft hover:text-ink',
};

export interface ButtonProps extends ComponentProps<'button'> {
  variant?: keyof typeof LOOKS;
}

export function Button({ variant = 'quiet', className, type = 'button', ...rest }: ButtonProps) {
  return (
    <button
      type={type}
      className={clsx(
        'inline-flex min-h-11 min-w-11 items-center justify-center gap-2 transition-colors disabled:opacity-45',
        LOOKS[variant],
        className,
      )}
      {...rest}
    />
  );
}
