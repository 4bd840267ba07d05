/** Builds what the fake microphone speaks: utterances with pauses between them, in one WAV file. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const RATE = 16_000;
const HEADER_BYTES = 44;

/** PCM16 mono at 16 kHz. */
export function silence(seconds: number): Int16Array {
  return new Int16Array(Math.round(seconds * RATE));
}

export function tone(seconds: number, hertz = 440, amplitude = 0.3): Int16Array {
  return Int16Array.from({ length: Math.round(seconds * RATE) }, (_, index) =>
    Math.round(amplitude * 0x7fff * Math.sin((2 * Math.PI * hertz * index) / RATE)),
  );
}

export function readWav(file: string): Int16Array {
  const bytes = readFileSync(file);
  const rate = bytes.readUInt32LE(24);
  const channels = bytes.readUInt16LE(22);
  if (rate !== RATE || channels !== 1) {
    throw new Error(`${file} has ${rate} Hz and ${channels} channels; it must be ${RATE} Hz mono.`);
  }
  const start = bytes.indexOf('data', HEADER_BYTES - 8) + 8;
  return new Int16Array(Uint8Array.from(bytes.subarray(start)).buffer);
}

/** Writes the parts one after another into a new temporary folder; says where. */
export function writeMicrophoneWav(parts: Int16Array[]): string {
  const samples = Int16Array.from(parts.flatMap((part) => [...part]));
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('RIFF', 0);
  header.writeUInt32LE(HEADER_BYTES - 8 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(RATE, 24);
  header.writeUInt32LE(RATE * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(samples.byteLength, 40);
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'tandem-mic-')), 'microphone.wav');
  writeFileSync(file, Buffer.concat([header, Buffer.from(samples.buffer)]));
  return file;
}
