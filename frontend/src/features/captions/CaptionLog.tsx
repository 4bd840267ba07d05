/** The conversation in writing, newest at the bottom. */
'use client';

import { ArrowDown } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { Button } from '@/components/ui/Button';
import { useCaptions } from '@/stores/captions';
import { CaptionEntry } from './CaptionEntry';
import { SaveCaptions } from './SaveCaptions';

/** This near the end counts as reading along. */
const NEAR_END_PX = 48;

export function CaptionLog() {
  const items = useCaptions((captions) => captions.items);
  const box = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(true);

  // biome-ignore lint/correctness/useExhaustiveDependencies: new words are the reason to scroll.
  useEffect(() => {
    if (following) scrollToEnd(box.current);
  }, [items, following]);
  useEffect(() => {
    // A notice or a button that takes room must not hide the newest words.
    const observer = new ResizeObserver(() => following && scrollToEnd(box.current));
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, [following]);

  return (
    <section aria-label="Captions" className="flex min-h-48 flex-1 flex-col">
      <SaveCaptions />
      <div className="relative flex-1 border-t border-line">
        <div
          ref={box}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
          tabIndex={0}
          onScroll={() => setFollowing(isNearEnd(box.current))}
          className="absolute inset-0 overflow-y-auto overscroll-contain"
        >
          {/* Only what is final stands here for assistive technology, so only that is read out. */}
          <div role="log" aria-label="Conversation" className="flex flex-col gap-5 py-4">
            {items.map((caption) => (
              <CaptionEntry key={caption.key} caption={caption} />
            ))}
          </div>
          {items.length === 0 && (
            <p className="pb-4 text-center text-soft">What you both say appears here.</p>
          )}
        </div>
        {!following && (
          <Button
            className="absolute bottom-3 left-1/2 -translate-x-1/2 shadow-lg"
            onClick={() => setFollowing(true)}
          >
            <ArrowDown className="size-4" aria-hidden="true" />
            Latest
          </Button>
        )}
      </div>
    </section>
  );
}

function isNearEnd(box: HTMLElement | null): boolean {
  return !box || box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END_PX;
}

function scrollToEnd(box: HTMLElement | null): void {
  if (box) box.scrollTop = box.scrollHeight;
}
