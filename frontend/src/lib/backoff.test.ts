/** The waits between attempts stay within their bounds. */
import { describe, expect, test } from 'vitest';
import { BACKOFF_CAP_MS, backoffMs } from './backoff';

describe('full-jitter backoff', () => {
  test('waits anything from nothing to a bound that doubles', () => {
    const almostOne = () => 0.999_999;
    expect([1, 2, 3, 4].map((attempt) => backoffMs(attempt, almostOne))).toEqual([
      250, 500, 1000, 2000,
    ]);
    expect([1, 2, 3, 4].map((attempt) => backoffMs(attempt, () => 0))).toEqual([0, 0, 0, 0]);
  });

  test('never waits longer than the cap, however often it failed', () => {
    for (const attempt of [6, 7, 20, 2000]) {
      expect(backoffMs(attempt, () => 0.999_999)).toBeLessThanOrEqual(BACKOFF_CAP_MS);
    }
  });
});
