/** A conversation with a scripted gateway: captions, sound, and silence when it is asked for. */
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { OUTPUT_RATE } from '../src/audio/frame';
import { accessibilityFaults, browserSuite, launch, stats, type Visit, visit } from './browser';
import { StandIn, type StandInCall, waitFor } from './stand-in';
import { tone, writeMicrophoneWav } from './wav';

const REPLY = 'I can answer questions, keep short notes and look things up.';

let browser: Browser;
let standIn: StandIn;
let seen: Visit;
let page: Page;

browserSuite('in a conversation', () => {
  beforeAll(async () => {
    browser = await launch({ wav: writeMicrophoneWav([tone(60, 300, 0.2)]) });
  });

  afterAll(() => browser?.close());

  beforeEach(async () => {
    standIn = await StandIn.start();
    seen = await visit(browser, standIn.address());
    page = seen.page;
  });

  afterEach(async () => {
    await page.context().close();
    await standIn.stop();
    expect(seen.complaints).toEqual([]);
    expect(seen.strangers).toEqual([]);
  });

  async function startTalking(): Promise<StandInCall> {
    await page.getByRole('button', { name: 'Start talking' }).click();
    return standIn.call(0);
  }

  async function shows(selector: string, text: string): Promise<void> {
    await page.locator(selector, { hasText: text }).waitFor({ timeout: 5_000 });
  }

  test('the microphone arrives as 20 ms frames without a gap', async () => {
    const call = await startTalking();
    await waitFor('a frame', () => call.audio[0]);
    const before = call.audio.length;
    const started = performance.now();
    await page.waitForTimeout(4_000);
    const perSecond = (call.audio.length - before) / ((performance.now() - started) / 1000);
    console.log(`microphone: ${perSecond.toFixed(1)} frames a second`);
    expect(perSecond).toBeGreaterThan(47);
    expect(perSecond).toBeLessThan(53);
    expect(call.audio.map(({ sequence }) => sequence)).toEqual([...call.audio.keys()]);
    expect(new Set(call.audio.map(({ samples }) => samples.length))).toEqual(new Set([320]));
    const loudest = Math.max(...call.audio.flatMap(({ samples }) => [...samples]));
    expect(loudest).toBeGreaterThan(1_000);
    expect((await stats(page)).uplink.dropped).toBe(0);
  });

  test('words are grey while interim and solid when final, and only final ones are in the log', async () => {
    const call = await startTalking();
    call.said(1, 'What can', false);
    await shows('[data-speaker="caller"] [data-kind="interim"][aria-hidden="true"]', 'What can');
    call.said(1, 'What can you do?');
    await shows('[role="log"] [data-speaker="caller"] [data-kind="final"]', 'What can you do?');
    call.send({ type: 'response_text', turn: 1, delta: REPLY, provider: 'groq' });
    await shows('[data-speaker="assistant"] [data-kind="interim"][aria-hidden="true"]', REPLY);
    call.send({ type: 'response_done', turn: 1, text: REPLY, interrupted: false });
    await shows('[role="log"] [data-speaker="assistant"] [data-kind="final"]', REPLY);
  });

  test('a reply is played to its last sample, and the gateway is told all the way', async () => {
    const call = await startTalking();
    call.state('speaking');
    call.speak(1, 2);
    call.send({ type: 'audio_end', turn: 1, epoch: 1, duration_ms: 2000 });
    await call.until('playback', ({ played_ms }) => played_ms === 2000);
    const { player } = await stats(page);
    expect(player.samplesPlayed).toBe(2 * OUTPUT_RATE);
    expect(player.underruns).toBe(0);
    const told = call.all('playback').map(({ played_ms }) => played_ms);
    expect(told.length).toBeGreaterThanOrEqual(8);
    expect(told).toEqual([...told].sort((a, b) => a - b));
  });

  test('after clear_audio the page is silent within 50 ms, and late frames are never heard', async () => {
    const call = await startTalking();
    call.said(1, 'What can you do?');
    call.state('speaking');
    call.send({ type: 'response_text', turn: 1, delta: REPLY, provider: 'groq' });
    call.speak(1, 3);
    await call.until('playback', ({ played_ms }) => played_ms > 400);
    call.send({ type: 'clear_audio', turn: 1, epoch: 1 });
    call.speak(1, 14, 3);
    const answer = await waitFor('the answer to clear_audio', async () => {
      const { flushes } = await stats(page);
      return flushes.length > 0 ? call.all('playback').at(-1) : undefined;
    });
    const [flush] = (await stats(page)).flushes;
    await page.waitForTimeout(1_000);
    const { player } = await stats(page);
    console.log(`clear_audio: silent after ${flush.silentAfterMs.toFixed(1)} ms`);
    expect(flush).toMatchObject({ epoch: 1, wasAudible: true });
    expect(flush.silentAfterMs).toBeLessThan(50);
    expect(player.lastAudibleAt - flush.receivedAt).toBeLessThan(0.05);
    expect(player.lateFrames).toBe(140);
    expect(answer.epoch).toBe(1);
    expect(answer.played_ms).toBe(Math.round((player.samplesPlayed / OUTPUT_RATE) * 1000));

    const heard = REPLY.split(' ').slice(0, 4).join(' ');
    call.send({
      type: 'response_done',
      turn: 1,
      text: REPLY,
      heard_text: heard,
      interrupted: true,
    });
    await shows('[data-kind="final"]', heard);
    await shows('del', 'keep short notes and look things up.');
  });

  test('a reply is 12 dB quieter while the caller speaks, is loud again after, and is told as ever', async () => {
    const call = await startTalking();
    const voice = async () => (await stats(page)).levels.voice;
    call.speak(1, 3);
    call.send({ type: 'audio_end', turn: 1, epoch: 1, duration_ms: 3000 });
    await call.until('playback', ({ played_ms }) => played_ms > 400);
    const loud = await voice();
    call.send({ type: 'vad_status', speaking: true, probability: 0.9 });
    const quiet = loud - 12 / 48;
    await waitFor('a quieter reply', async () => Math.abs((await voice()) - quiet) < 0.01);
    call.send({ type: 'vad_status', speaking: false, probability: 0.1 });
    await waitFor('a loud reply', async () => Math.abs((await voice()) - loud) < 0.01);
    await call.until('playback', ({ played_ms }) => played_ms === 3000);
    expect((await stats(page)).player.samplesPlayed).toBe(3 * OUTPUT_RATE);
  });

  test('twenty barge-ins in a row are all silent within 50 ms', async () => {
    const call = await startTalking();
    for (let epoch = 1; epoch <= 20; epoch += 1) {
      call.speak(epoch, 2.5);
      await call.until('playback', (message) => message.epoch === epoch && message.played_ms > 0);
      call.send({ type: 'clear_audio', epoch });
      await waitFor('silence', async () => (await stats(page)).flushes[epoch - 1]);
    }
    const times = (await stats(page)).flushes.map(({ silentAfterMs }) => silentAfterMs);
    times.sort((a, b) => a - b);
    console.log(`20 flushes: p50 ${times[10].toFixed(1)} ms, worst ${times[19].toFixed(1)} ms`);
    expect(times[19]).toBeLessThan(50);
  });

  test('a cleared epoch that never sounded is answered with nothing played', async () => {
    const call = await startTalking();
    await page.getByTestId('state').filter({ hasText: 'Listening' }).waitFor();
    call.send({ type: 'clear_audio', turn: 1, epoch: 9 });
    expect(await call.until('playback')).toMatchObject({ epoch: 9, played_ms: 0 });
  });

  test('a typed message goes out and its reply is heard', async () => {
    await page.getByRole('textbox', { name: 'Message' }).fill('What time is it?');
    await page.keyboard.press('Enter');
    const call = await standIn.call(0);
    expect((await call.until('text_message')).text).toBe('What time is it?');
    call.said(1, 'What time is it?');
    call.speak(1, 0.5);
    call.send({ type: 'audio_end', turn: 1, epoch: 1, duration_ms: 500 });
    await call.until('playback', ({ played_ms }) => played_ms === 500);
    expect(await page.locator('[data-speaker="caller"]').count()).toBe(1);
    expect(call.audio).toEqual([]);
  });

  test('the interrupt button silences the page without waiting for the gateway', async () => {
    const call = await startTalking();
    call.state('speaking');
    call.speak(1, 5);
    await call.until('playback', ({ played_ms }) => played_ms > 0);
    await page.getByRole('button', { name: 'Interrupt' }).click();
    await call.until('interrupt');
    const [flush] = await waitFor('silence', async () => {
      const { flushes } = await stats(page);
      return flushes.length > 0 ? flushes : undefined;
    });
    expect(flush.silentAfterMs).toBeLessThan(50);
  });

  test('mute stops the frames and tells the gateway, and unmute brings them back', async () => {
    const call = await startTalking();
    await waitFor('a frame', () => call.audio[0]);
    await page.keyboard.press('m');
    expect(await call.until('mute')).toMatchObject({ muted: true });
    const count = call.audio.length;
    await page.waitForTimeout(300);
    expect(call.audio.length).toBe(count);
    await page.keyboard.press('m');
    await call.until('mute', ({ muted }) => !muted);
    await waitFor('a frame', () => call.audio[count]);
  });

  test.each(['txt', 'vtt'])('captions can be saved as .%s', async (extension) => {
    const call = await startTalking();
    call.said(1, 'What can you do?');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: `Save captions as .${extension}` }).click(),
    ]);
    expect(download.suggestedFilename()).toBe(`tandem-captions.${extension}`);
    expect(readFileSync(await download.path(), 'utf8')).toContain('What can you do?');
  });

  test.each(['light', 'dark'] as const)('axe finds nothing wrong, in %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    expect(await accessibilityFaults(page)).toEqual([]);
    const call = await startTalking();
    call.said(1, 'What can you do?');
    call.state('speaking');
    call.send({ type: 'response_done', turn: 1, text: REPLY, heard_text: 'I', interrupted: true });
    call.send({ type: 'error', code: 'busy', message: 'The voice is slow.', fatal: false });
    await shows('del', 'can answer');
    await page.waitForTimeout(300);
    expect(await accessibilityFaults(page)).toEqual([]);
  });
});
