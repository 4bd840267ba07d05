/** A burst of items costs one flush. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { frameBatch } from './frameBatch';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test('items of one frame are handed over together, in order', () => {
  const flushes: number[][] = [];
  const add = frameBatch<number>((items) => flushes.push(items));
  add(1);
  add(2);
  expect(flushes).toEqual([]);
  vi.advanceTimersToNextFrame();
  add(3);
  vi.advanceTimersToNextFrame();
  expect(flushes).toEqual([[1, 2], [3]]);
});

test('a hidden tab, which has no frames, is served by a timer', () => {
  vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden');
  const flush = vi.fn();
  frameBatch<number>(flush)(1);
  vi.advanceTimersByTime(100);
  expect(flush).toHaveBeenCalledWith([1]);
});
