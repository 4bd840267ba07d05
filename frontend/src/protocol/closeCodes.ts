/** What a closed socket means: try again, or stop and tell the person why. */

/** Where trying again cannot help, the sentence to show. */
const FINAL: Record<number, string> = {
  4400: 'This page and the gateway do not understand each other. Reload the page.',
  4401: 'Your sign-in has expired. Sign in again, then start a new conversation.',
  4403: 'This conversation belongs to someone else. Start a new one.',
  4409: 'This conversation was taken over by another tab or device.',
};

const BUSY = 1013;

export interface Closing {
  /** Null: reconnect. */
  finalReason: string | null;
  /** The gateway's own wish for how long to stay away. */
  retryAfterMs: number;
}

export function readClosing(code: number, reason: string): Closing {
  const seconds = code === BUSY ? Number(reason.match(/\d+(\.\d+)?/)?.[0] ?? 0) : 0;
  return { finalReason: FINAL[code] ?? null, retryAfterMs: seconds * 1000 };
}
