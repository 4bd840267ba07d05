/** What the page says and does when something is not as it should be. */
import type { Browser, Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  accessibilityFaults,
  browserSuite,
  type FakeMicrophone,
  launch,
  stats,
  visit,
} from './browser';
import { StandIn, waitFor } from './stand-in';
import { tone, writeMicrophoneWav } from './wav';

let browser: Browser;
let standIn: StandIn;
let page: Page;

beforeEach(async () => {
  standIn = await StandIn.start();
});

afterEach(async () => {
  await browser?.close();
  await standIn.stop();
});

async function open(microphone: FakeMicrophone, host?: string): Promise<void> {
  browser = await launch(microphone);
  ({ page } = await visit(browser, standIn.address(host)));
}

/** Runs in the page: types and sends a message without any gesture. */
function sendWhenReady(): void {
  const timer = setInterval(() => {
    const field = document.querySelector<HTMLInputElement>('input[aria-label="Message"]');
    if (!window.__tandem || !field) return;
    clearInterval(timer);
    field.value = 'Hello';
    field.form?.requestSubmit();
  }, 50);
}

const speaking = (): FakeMicrophone => ({ wav: writeMicrophoneWav([tone(60, 300, 0.2)]) });
const startTalking = () => page.getByRole('button', { name: 'Start talking' }).click();

browserSuite('without a microphone', () => {
  test.each([
    ['refused', 'The microphone is blocked for this page.'],
    ['missing', 'No microphone was found.'],
  ] as const)('that is %s, the page says so, and typing works', async (microphone, title) => {
    await open(microphone);
    await startTalking();
    const call = await standIn.call(0);
    await page.getByText(title).waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.getByRole('textbox', { name: 'Message' }).fill('Hello');
    await page.getByRole('button', { name: 'Send message' }).click();
    expect((await call.until('text_message')).text).toBe('Hello');
    call.speak(1, 0.3);
    call.send({ type: 'audio_end', epoch: 1, duration_ms: 300 });
    await call.until('playback', ({ played_ms }) => played_ms === 300);
  });

  test('at an insecure address, the page says so before anything is clicked', async () => {
    await open('refused', 'insecure.test');
    await page.getByText('The microphone does not work at this address.').waitFor();
    expect(await page.getByRole('button', { name: 'Start talking' }).count()).toBe(0);
    expect(await accessibilityFaults(page)).toEqual([]);
  });
});

browserSuite('without a click', () => {
  test('the page makes no sound, connects nowhere and invites a tap', async () => {
    await open(speaking());
    await page.getByText('Tap to enable sound and microphone').waitFor();
    await page.waitForTimeout(500);
    expect((await stats(page)).clock.state).toBe('none');
    expect(standIn.calls).toEqual([]);
  });

  test('a message sent by a script waits for a tap to enable sound', async () => {
    browser = await launch(speaking());
    page = await browser.newPage();
    await page.addInitScript(sendWhenReady);
    await page.goto(standIn.address());
    // Whatever the test asks of the page counts as a gesture there; so it asks nothing at first.
    const call = await standIn.call(0);
    await page.waitForTimeout(1_000);
    const enable = page.getByRole('button', { name: 'Tap to enable sound' });
    await enable.waitFor();
    call.send({ type: 'clear_audio', epoch: 4 });
    expect(await call.until('playback')).toMatchObject({ epoch: 4, played_ms: 0 });
    await enable.click();
    await enable.waitFor({ state: 'detached' });
    expect((await stats(page)).clock.state).toBe('running');
  });
});

browserSuite('when the line breaks', () => {
  test('the page connects again by itself and says that a new conversation begins', async () => {
    await open(speaking());
    await startTalking();
    const first = await standIn.call(0);
    first.said(1, 'Before the break');
    first.speak(5, 3);
    await first.until('playback', ({ played_ms }) => played_ms > 0);
    first.hangUp(1012, 'restarting');
    const second = await standIn.call(1);
    await page.getByText('A new conversation begins here.').waitFor();
    second.said(1, 'After the break');
    await page.getByText('After the break').waitFor();
    expect(await page.getByText('Before the break').count()).toBe(1);
    await waitFor('a frame', () => second.audio[0]);
    expect(second.audio[0].sequence).toBe(0);
    second.speak(1, 0.3);
    second.send({ type: 'audio_end', epoch: 1, duration_ms: 300 });
    await second.until('playback', ({ played_ms }) => played_ms === 300);
  });

  test('the page counts down, and tries at once when asked to', async () => {
    await open(speaking());
    await startTalking();
    (await standIn.call(0)).hangUp(1013, 'Retry-After: 60');
    await page.getByText(/Trying again in \d+ s\./).waitFor();
    await page.getByRole('button', { name: 'Retry now' }).click();
    await standIn.call(1);
    await page.getByTestId('connection').filter({ hasText: 'Connected' }).waitFor();
  });

  test('the page stays away when another tab has taken over, and says so', async () => {
    await open(speaking());
    await startTalking();
    (await standIn.call(0)).hangUp(4409);
    await page.getByText('This conversation was taken over by another tab').waitFor();
    await page.waitForTimeout(1_000);
    expect(standIn.calls).toHaveLength(1);
  });
});

describe('what the gateway says', () => {
  browserSuite('is taken calmly', () => {
    test('unknown and broken messages are counted and change nothing', async () => {
      await open(speaking());
      await startTalking();
      const call = await standIn.call(0);
      call.send({ type: 'emotion', label: 'calm' });
      call.send({ type: 'clear_audio', epoch: 'seven' });
      call.said(1, 'Still here');
      await page.getByText('Still here').waitFor();
      expect((await stats(page)).protocol).toMatchObject({ unknown: 1, malformed: 1 });
    });

    test('a fatal error ends the call, and its reason stays on the page', async () => {
      await open(speaking());
      await startTalking();
      const call = await standIn.call(0);
      call.send({ type: 'error', code: 'gone', message: 'No provider is left.', fatal: true });
      await page.getByRole('alert').filter({ hasText: 'No provider is left.' }).waitFor();
      await page.getByRole('button', { name: /^Start/ }).waitFor();
    });
  });
});
