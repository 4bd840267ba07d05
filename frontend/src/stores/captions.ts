/** The captions on the page; changes reach React once per animation frame. */
import { create } from 'zustand';
import { type CaptionEvent, type Captions, NO_CAPTIONS } from '@/lib/captions/model';
import { reduceCaptions } from '@/lib/captions/reduce';
import { frameBatch } from '@/lib/frameBatch';

export const useCaptions = create<Captions>(() => NO_CAPTIONS);

const apply = frameBatch<CaptionEvent>((events) => {
  useCaptions.setState((captions) => events.reduce(reduceCaptions, captions));
});

let firstCallAt: number | null = null;

type WithoutTime<T> = T extends CaptionEvent ? Omit<T, 'atMs'> : never;

export function caption(event: WithoutTime<CaptionEvent>): void {
  firstCallAt ??= performance.now();
  apply({ ...event, atMs: performance.now() - firstCallAt });
}
