/** The header of audio messages, byte for byte. */
import { describe, expect, test } from 'vitest';
import { decodeAudio, readHeader, writeHeader } from './binary';

describe('the audio header', () => {
  test('is little-endian: sequence, epoch, microseconds', () => {
    const buffer = new ArrayBuffer(16);
    writeHeader(buffer, { sequence: 1, epoch: 0x01020304, timeUs: 0x1_0000_0002 });
    expect([...new Uint8Array(buffer)]).toEqual([1, 0, 0, 0, 4, 3, 2, 1, 2, 0, 0, 0, 1, 0, 0, 0]);
  });

  test('reads back what was written', () => {
    const header = { sequence: 4_294_967_295, epoch: 7, timeUs: 86_400_000_000 };
    const buffer = new ArrayBuffer(16);
    writeHeader(buffer, header);
    expect(readHeader(buffer)).toEqual(header);
  });

  test('is followed by the samples', () => {
    const buffer = new ArrayBuffer(20);
    writeHeader(buffer, { sequence: 3, epoch: 2, timeUs: 1000 });
    new DataView(buffer).setInt16(16, -2, true);
    new DataView(buffer).setInt16(18, 513, true);
    expect(decodeAudio(buffer)).toEqual({
      sequence: 3,
      epoch: 2,
      timeUs: 1000,
      samples: Int16Array.of(-2, 513),
    });
  });

  test('makes no audio of a message that is too short or holds half a sample', () => {
    expect(decodeAudio(new ArrayBuffer(15))).toBeNull();
    expect(decodeAudio(new ArrayBuffer(19))).toBeNull();
  });
});
