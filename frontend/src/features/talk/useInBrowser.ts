/** Reads something only the browser knows, without contradicting the page as it was built. */
import { useSyncExternalStore } from 'react';

const never = () => () => {};

export function useInBrowser<T>(read: () => T, atBuild: T): T {
  return useSyncExternalStore(never, read, () => atBuild);
}
