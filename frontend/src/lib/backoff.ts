/** Full-jitter backoff: any wait between nothing and a bound that doubles with each attempt. */

export const BACKOFF_BASE_MS = 250;
export const BACKOFF_CAP_MS = 10_000;

/** `attempt` counts from 1; `random` is uniform in [0, 1). */
export function backoffMs(attempt: number, random: () => number): number {
  const bound = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** (attempt - 1));
  return Math.round(bound * random());
}
