/** Draws the line between caller and assistant; sound reaches it by animation frame, never through React. */
'use client';

import clsx from 'clsx';
import { type RefObject, useEffect, useRef } from 'react';
import { currentCall } from '@/call/currentCall';
import { useSession } from '@/stores/session';
import { LINE_HEIGHT, LINE_WIDTH, restingPath, STRAND_COUNT, VoiceWave } from './voiceWave';

const OPACITIES = [1, 0.4, 0.22];
const STRANDS = Array.from({ length: STRAND_COUNT }, (_, strand) => strand);

export function VoiceLine({ compact }: { compact: boolean }) {
  const svg = useRef<SVGSVGElement>(null);
  const live = useSession((session) => session.live);
  const turnState = useSession((session) => session.turnState);
  useWave(svg, live);
  return (
    <div
      aria-hidden="true"
      className={clsx('flex w-full items-center px-2', compact ? 'h-20 sm:h-24' : 'h-36')}
    >
      <End name="You" tone="text-caller" lit={turnState === 'hearing'} />
      <div className="relative -mx-2 h-full flex-1">
        <svg
          ref={svg}
          viewBox={`0 0 ${LINE_WIDTH} ${LINE_HEIGHT}`}
          preserveAspectRatio="none"
          className="size-full overflow-visible"
        >
          <title>The line between you and Tandem</title>
          <defs>
            <linearGradient id="voice" gradientUnits="userSpaceOnUse" x1="0" x2={LINE_WIDTH}>
              <stop offset="0" stopColor="var(--caller)" />
              <stop offset="0.5" stopColor="var(--soft)" />
              <stop offset="1" stopColor="var(--assistant)" />
            </linearGradient>
          </defs>
          {STRANDS.map((strand) => (
            <path
              key={strand}
              d={restingPath(strand)}
              fill="none"
              stroke="url(#voice)"
              strokeOpacity={OPACITIES[strand]}
              strokeWidth={strand === 0 ? 2.5 : 1.5}
              strokeLinecap="round"
              strokeLinejoin="round"
              vectorEffect="non-scaling-stroke"
            />
          ))}
        </svg>
        {turnState === 'thinking' && (
          <span className="carry absolute top-1/2 size-3 -translate-1/2 rounded-full bg-ink" />
        )}
      </div>
      <End name="Tandem" tone="text-assistant" lit={turnState === 'speaking'} />
    </div>
  );
}

function End({ name, tone, lit }: { name: string; tone: string; lit: boolean }) {
  return (
    <span className={clsx('relative grid size-9 shrink-0 place-items-center', tone)}>
      <span
        className={clsx(
          'absolute inset-0 rounded-full bg-current transition duration-500',
          lit ? 'scale-100 opacity-25' : 'scale-50 opacity-0',
        )}
      />
      <span className="size-4 rounded-full bg-current" />
      <span className="absolute top-full left-1/2 -translate-x-1/2 text-sm font-medium">
        {name}
      </span>
    </span>
  );
}

function useWave(svg: RefObject<SVGSVGElement | null>, live: boolean): void {
  useEffect(() => {
    if (!live || matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    const { engine } = currentCall();
    const wave = new VoiceWave();
    const paths = svg.current?.querySelectorAll('path') ?? [];
    const draw = (now: number) => {
      const seconds = now / 1000;
      const { microphone, voice } = engine.levels();
      wave.push(seconds, useSession.getState().muted ? 0 : microphone, voice);
      for (const [strand, path] of paths.entries()) {
        path.setAttribute('d', wave.path(strand, seconds));
      }
      frame = requestAnimationFrame(draw);
    };
    let frame = requestAnimationFrame(draw);
    return () => {
      cancelAnimationFrame(frame);
      for (const [strand, path] of paths.entries()) path.setAttribute('d', restingPath(strand));
    };
  }, [live, svg]);
}
