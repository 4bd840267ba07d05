/** The 16-byte header of audio messages: u32 sequence, u32 epoch, u64 microseconds, little-endian. */
import { HEADER_BYTES } from '../audio/frame';

export interface AudioHeader {
  sequence: number;
  epoch: number;
  /** Towards the gateway the capture time, from the gateway the offset in the reply. */
  timeUs: number;
}

export interface AudioMessage extends AudioHeader {
  samples: Int16Array;
}

export function writeHeader(buffer: ArrayBuffer, header: AudioHeader): void {
  const view = new DataView(buffer);
  view.setUint32(0, header.sequence, true);
  view.setUint32(4, header.epoch, true);
  view.setBigUint64(8, BigInt(header.timeUs), true);
}

export function readHeader(buffer: ArrayBuffer): AudioHeader | null {
  if (buffer.byteLength < HEADER_BYTES) return null;
  const view = new DataView(buffer);
  return {
    sequence: view.getUint32(0, true),
    epoch: view.getUint32(4, true),
    timeUs: Number(view.getBigUint64(8, true)),
  };
}

/** Null when the message is no audio: too short for the header, or half a sample at the end. */
export function decodeAudio(buffer: ArrayBuffer): AudioMessage | null {
  const header = readHeader(buffer);
  if (!header || buffer.byteLength % 2 === 1) return null;
  // Int16Array reads in the machine's byte order; every machine that runs a browser is little-endian.
  return { ...header, samples: new Int16Array(buffer, HEADER_BYTES) };
}
