/** What stands at addresses that do not exist. */
import type { Metadata } from 'next';
import Link from 'next/link';

export const metadata: Metadata = { title: 'No such page' };

export default function NotFound() {
  return (
    <main className="mx-auto flex w-full max-w-3xl flex-1 flex-col items-start justify-center gap-4 px-6">
      <h1 className="text-3xl font-medium tracking-tight">There is no page at this address.</h1>
      <Link
        href="/"
        className="flex min-h-11 items-center text-action underline underline-offset-4"
      >
        Go and talk with Tandem
      </Link>
    </main>
  );
}
