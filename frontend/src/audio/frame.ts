/** Sizes and rates that the page, its worklets and the gateway agree on. */

export const INPUT_RATE = 16_000;
export const OUTPUT_RATE = 24_000;
/** 20 ms of microphone audio. */
export const FRAME_SAMPLES = 320;
/** Sequence, epoch and time; see protocol/binary.ts. */
export const HEADER_BYTES = 16;
