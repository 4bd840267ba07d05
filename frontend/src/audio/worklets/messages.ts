/** What the page and its two worklets say to each other. */
import type { CapturedFrame } from '../captureFramer';

export const CAPTURE_PROCESSOR = 'tandem-capture';
export const PLAYER_PROCESSOR = 'tandem-player';

export type CaptureReport = CapturedFrame;

export type PlayerCommand =
  /** A binary message of the gateway, header included, exactly as it came. */
  | { type: 'audio'; message: ArrayBuffer }
  | { type: 'end'; epoch: number }
  | { type: 'duck'; speaking: boolean }
  /** `receivedAt` is the audio clock when the page was told to be silent. */
  | { type: 'clear'; epoch: number; receivedAt: number }
  | { type: 'reset' };

export type PlayerReport =
  | { type: 'started'; epoch: number; counts: PlayerCounts }
  /** Nothing to tell but the counts. */
  | { type: 'quiet'; counts: PlayerCounts }
  | { type: 'progress'; epoch: number; playedMs: number; counts: PlayerCounts }
  | { type: 'finished'; epoch: number; playedMs: number; counts: PlayerCounts }
  | { type: 'cleared'; epoch: number; playedMs: number; counts: PlayerCounts }
  | { type: 'silent'; flush: Flush; counts: PlayerCounts };

export interface PlayerCounts {
  /** Of the gateway's samples (24 kHz), since the page was opened. */
  samplesPlayed: number;
  underruns: number;
  /** Audio messages of a cleared or outdated epoch, never heard. */
  lateFrames: number;
  overflowSamples: number;
  queuedMs: number;
  /** The audio clock just after the last sample that was not silent, in seconds. */
  lastAudibleAt: number;
}

/** How fast the page fell silent, by the audio clock. */
export interface Flush {
  epoch: number;
  wasAudible: boolean;
  receivedAt: number;
  silentAfterMs: number;
}
