/** The shape of the line between caller and assistant: loudness travels along it from whoever speaks. */

export const LINE_WIDTH = 600;
export const LINE_HEIGHT = 120;

/** How long a sound takes from one end to the other. */
const TRAVEL_SECONDS = 0.9;
const POINTS = 160;
const ATTACK = 0.45;
const RELEASE = 0.12;
/** An open line is never quite still. */
const BREATH = 0.07;
/** Cycles along the line and phase of each strand; three that never quite agree look like one live cord. */
const STRANDS = [
  { cycles: 5, speed: 1.5, phase: 0 },
  { cycles: 6.4, speed: 1.2, phase: 2.1 },
  { cycles: 3.7, speed: 1.9, phase: 4.2 },
] as const;

export const STRAND_COUNT = STRANDS.length;

/** Recent loudness of one end, smoothed, for sounds that are still on their way. */
class Trail {
  private readonly samples: { at: number; level: number }[] = [];
  private level = 0;

  push(at: number, level: number): void {
    this.level += (level - this.level) * (level > this.level ? ATTACK : RELEASE);
    this.samples.push({ at, level: this.level });
    while (this.samples[0].at < at - TRAVEL_SECONDS) this.samples.shift();
  }

  at(time: number): number {
    const index = this.samples.findLastIndex((candidate) => candidate.at <= time);
    const before = this.samples[index];
    const after = this.samples[index + 1];
    if (!before || !after) return before?.level ?? 0;
    const part = (time - before.at) / (after.at - before.at);
    return before.level + part * (after.level - before.level);
  }
}

export class VoiceWave {
  private readonly caller = new Trail();
  private readonly assistant = new Trail();

  push(seconds: number, microphone: number, voice: number): void {
    this.caller.push(seconds, microphone);
    this.assistant.push(seconds, voice);
  }

  /** An SVG path of the strand as it stands at `seconds`. */
  path(strand: number, seconds: number): string {
    return path((x) => {
      const fromCaller = this.caller.at(seconds - x * TRAVEL_SECONDS);
      const fromAssistant = this.assistant.at(seconds - (1 - x) * TRAVEL_SECONDS);
      return (
        BREATH * ripple(strand, x, seconds / 4) +
        fromCaller * weaken(x) * ripple(strand, x, seconds) +
        fromAssistant * weaken(1 - x) * ripple(strand, 1 - x, seconds)
      );
    });
  }
}

/** The line at rest: a still, shallow wave. */
export function restingPath(strand: number): string {
  return path((x) => 0.3 * ripple(strand, x, 0));
}

/** No line is without loss. */
function weaken(distance: number): number {
  return 1 - 0.5 * distance;
}

function ripple(strand: number, x: number, seconds: number): number {
  const { cycles, speed, phase } = STRANDS[strand];
  return Math.sin(2 * Math.PI * (cycles * x - speed * seconds) + phase);
}

function path(displacement: (x: number) => number): string {
  const points: string[] = [];
  for (let index = 0; index <= POINTS; index += 1) {
    const x = index / POINTS;
    const pinned = Math.sin(Math.PI * x) ** 0.7;
    // Both ends at once can add up to more than the room there is; tanh bends instead of cutting.
    const y = LINE_HEIGHT / 2 - Math.tanh(displacement(x)) * pinned * (LINE_HEIGHT / 2 - 4);
    points.push(`${(x * LINE_WIDTH).toFixed(1)} ${y.toFixed(1)}`);
  }
  return `M${points.join('L')}`;
}
