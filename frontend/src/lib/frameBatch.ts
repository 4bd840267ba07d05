/** Collects items and hands them over once per animation frame, so that a burst costs one render. */

/** Animation frames stop in a hidden tab; the captions must not. */
const HIDDEN_TAB_MS = 100;

export function frameBatch<T>(flush: (items: T[]) => void): (item: T) => void {
  let waiting: T[] = [];
  const run = () => {
    const items = waiting;
    waiting = [];
    flush(items);
  };
  return (item) => {
    waiting.push(item);
    if (waiting.length > 1) return;
    if (document.visibilityState === 'visible') requestAnimationFrame(run);
    else setTimeout(run, HIDDEN_TAB_MS);
  };
}
