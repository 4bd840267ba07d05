/** Push-to-talk: nothing is sent but while the key or the button is held. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { browserSuite, launch, stats, visit } from './browser';
import { StandIn, type StandInCall, waitFor } from './stand-in';
import { tone, writeMicrophoneWav } from './wav';

let browser: Browser;
let standIn: StandIn;
let page: Page;
let call: StandInCall;

browserSuite('push-to-talk', () => {
  beforeAll(async () => {
    browser = await launch({ wav: writeMicrophoneWav([tone(60, 300, 0.2)]) });
  });

  afterAll(() => browser?.close());

  beforeEach(async () => {
    standIn = await StandIn.start();
    ({ page } = await visit(browser, standIn.address()));
    await page.getByText('Push to talk').click();
    await page.getByRole('button', { name: 'Start talking' }).click();
    call = await standIn.call(0);
    await page.getByRole('button', { name: 'Hold to talk' }).waitFor();
  });

  afterEach(async () => {
    await page.context().close();
    await standIn.stop();
  });

  test('is said in the hello', async () => {
    expect(await call.until('hello')).toMatchObject({ push_to_talk: true });
  });

  test('sends audio while Space is held, and commits when it is let go', async () => {
    await page.waitForTimeout(300);
    expect(call.audio).toEqual([]);
    await page.keyboard.down('Space');
    await waitFor('ten frames', () => call.audio[9]);
    expect(call.all('commit')).toEqual([]);
    await page.keyboard.up('Space');
    await call.until('commit');
    const count = call.audio.length;
    await page.waitForTimeout(300);
    expect(call.audio.length).toBe(count);
  });

  test('works by holding the button', async () => {
    const box = await page.getByRole('button', { name: 'Hold to talk' }).boundingBox();
    if (!box) throw new Error('The button is not on the page.');
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await waitFor('a frame', () => call.audio[0]);
    await page.mouse.up();
    await call.until('commit');
    expect(call.all('commit')).toHaveLength(1);
  });

  test('interrupts the reply when pressed', async () => {
    call.state('speaking');
    call.speak(1, 5);
    await call.until('playback', ({ played_ms }) => played_ms > 0);
    await page.keyboard.down('Space');
    await call.until('interrupt');
    await waitFor('silence', async () => (await stats(page)).flushes[0]);
    await page.keyboard.up('Space');
  });

  test('is left alone while a message is being typed', async () => {
    await page.getByRole('textbox', { name: 'Message' }).focus();
    await page.keyboard.type('a m b');
    expect(await page.getByRole('textbox', { name: 'Message' }).inputValue()).toBe('a m b');
    expect(call.audio).toEqual([]);
    expect(call.all('mute')).toEqual([]);
  });

  test('can be changed in the middle of a call', async () => {
    await page.getByText('Hands-free').click();
    expect(await call.until('update')).toMatchObject({ push_to_talk: false });
    await waitFor('a frame', () => call.audio[0]);
    await page.getByText('Push to talk').click();
    await call.until('update', (message) => message.push_to_talk);
  });

  test('takes Space right after a click on another control', async () => {
    await page.getByText('Hands-free').click();
    await page.getByText('Push to talk').click();
    await call.until('update', (message) => message.push_to_talk);
    const count = call.audio.length;
    await page.keyboard.down('Space');
    await waitFor('a frame', () => call.audio[count + 5]);
    await page.keyboard.up('Space');
    await call.until('commit');
    expect(await page.getByRole('radio', { name: 'Push to talk' }).isChecked()).toBe(true);
  });
});
