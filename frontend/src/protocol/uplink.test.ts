/** The uplink sends what the caller means to send, and never lets old audio pile up. */
import { beforeEach, describe, expect, test } from 'vitest';
import { type AudioHeader, readHeader } from './binary';
import { Uplink } from './uplink';

let line: { isOpen: boolean; backlog: number; sendAudio: (frame: ArrayBuffer) => void };
let headers: AudioHeader[];
let wanted: boolean;
let uplink: Uplink;

beforeEach(() => {
  headers = [];
  wanted = true;
  line = {
    isOpen: true,
    backlog: 0,
    sendAudio: (frame) => headers.push(readHeader(frame) as AudioHeader),
  };
  uplink = new Uplink(line, () => wanted);
});

function offer(count: number): void {
  for (let frame = 0; frame < count; frame += 1) {
    uplink.offer({ buffer: new ArrayBuffer(656), captureTimeUs: frame * 20_000 });
  }
}

describe('the uplink', () => {
  test('numbers its frames and tells the newest epoch it heard', () => {
    uplink.epoch = 5;
    offer(2);
    expect(headers).toEqual([
      { sequence: 0, epoch: 5, timeUs: 0 },
      { sequence: 1, epoch: 5, timeUs: 20_000 },
    ]);
  });

  test('sends nothing while the caller does not want to be heard', () => {
    wanted = false;
    offer(5);
    expect(headers).toEqual([]);
    expect(uplink.counts).toEqual({ sent: 0, dropped: 0 });
  });

  test('skips and counts frames while more than 64 kB wait to be sent', () => {
    line.backlog = 64 * 1024 + 1;
    offer(3);
    line.backlog = 64 * 1024;
    offer(1);
    expect(uplink.counts).toEqual({ sent: 1, dropped: 3 });
  });

  test('leaves no gap in its numbers where frames were skipped', () => {
    offer(1);
    line.backlog = 100_000;
    offer(1);
    line.backlog = 0;
    offer(1);
    expect(headers.map((header) => header.sequence)).toEqual([0, 1]);
  });

  test('keeps what was said while the line was being opened', () => {
    line.isOpen = false;
    offer(10);
    line.isOpen = true;
    uplink.sessionOpened();
    offer(1);
    expect(headers.map((header) => header.sequence)).toEqual([...Array(11).keys()]);
  });

  test('keeps no more than the last two seconds', () => {
    line.isOpen = false;
    offer(130);
    line.isOpen = true;
    uplink.sessionOpened();
    expect(headers[0].timeUs).toBe(30 * 20_000);
    expect(uplink.counts).toEqual({ sent: 100, dropped: 30 });
  });

  test('counts from zero in a new session', () => {
    uplink.epoch = 9;
    offer(3);
    uplink.sessionOpened();
    offer(1);
    expect(headers.at(-1)).toMatchObject({ sequence: 0, epoch: 0 });
  });
});
