/** `window.__tandem.stats()`: a read-only look at audio and protocol counters, for tests and fault reports. */
import type { Flush, PlayerCounts } from '@/audio/worklets/messages';
import type { RouterCounts } from '@/protocol/router';
import type { UplinkCounts } from '@/protocol/uplink';
import { useConnection } from '@/stores/connection';
import type { Call } from './call';

export interface TandemStats {
  /** Audio clock in seconds, device rate in Hz; `state` as AudioContext has it, or "none". */
  clock: { state: string; time: number; sampleRate: number; outputLatencyMs: number };
  /** How loud each path is right now, 0 (-60 dBFS and less) to 1 (-12 dBFS and more). */
  levels: { microphone: number; voice: number };
  uplink: UplinkCounts;
  /** As the player worklet last told: every 250 ms, and whenever a reply starts, ends or is cut off. */
  player: PlayerCounts;
  /** One entry for each `clear_audio` or interrupt: how soon the page was silent, by the audio clock. */
  flushes: Flush[];
  protocol: RouterCounts;
  connection: { phase: string; roundTripMs: number | null };
}

declare global {
  interface Window {
    __tandem?: { readonly stats: () => TandemStats };
  }
}

export function installDiagnostics({ engine, uplink, router }: Call): void {
  const stats = (): TandemStats => {
    const { connection, roundTripMs } = useConnection.getState();
    return structuredClone({
      clock: engine.clock(),
      levels: engine.levels(),
      uplink: uplink.counts,
      player: engine.player.counts,
      flushes: engine.player.flushes,
      protocol: router.counts,
      connection: { phase: connection.phase, roundTripMs },
    });
  };
  window.__tandem = Object.freeze({ stats });
}
