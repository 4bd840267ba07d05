/** The whole of Tandem: Chromium speaks a question to the real gateway, hears the reply, and barges in. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TandemStats } from '../src/call/diagnostics';
import { browserSuite, launch, stats, type Visit, visit } from './browser';
import { Gateway } from './gateway';
import { waitFor } from './stand-in';
import { readWav, silence, writeMicrophoneWav } from './wav';

const QUESTION = 'help.wav';
const BARGE_IN = 'stop.wav';
const AUDIO = path.resolve(import.meta.dirname, '..', '..', 'tests', 'audio');
/** How long the caller waits before each attempt to barge in; replies differ in when they begin and end. */
const PAUSES_SECONDS = [3, 4, 5, 6];
/** How long recogniser, model and voice may take on a busy machine. */
const REPLY_WITHIN_MS = 30_000;

let gateway: Gateway;
let browser: Browser;

browserSuite('with the real gateway', () => {
  beforeAll(async () => {
    gateway = await Gateway.start();
    const wav = writeMicrophoneWav([
      silence(1.5),
      readWav(path.join(AUDIO, QUESTION)),
      ...PAUSES_SECONDS.flatMap((pause) => [silence(pause), readWav(path.join(AUDIO, BARGE_IN))]),
      silence(20),
    ]);
    browser = await launch({ wav });
  });

  afterAll(async () => {
    await browser?.close();
    await gateway?.stop();
  });

  /** A call that had to begin again would make every later assertion wait for nothing. */
  async function unbrokenStats(page: Page): Promise<TandemStats> {
    const now = await stats(page);
    if ((now.protocol.received.session_ready ?? 0) > 1) {
      throw new Error(`The line broke. The gateway said:\n${gateway.said()}`);
    }
    return now;
  }

  /** One unbroken line, every message understood, no console error, no request to any other host. */
  async function expectNoTrouble({ page, complaints, strangers }: Visit): Promise<void> {
    const { protocol } = await unbrokenStats(page);
    expect(protocol.malformed).toBe(0);
    expect(complaints).toEqual([]);
    expect(strangers).toEqual([]);
  }

  test('a spoken question is written down and answered aloud, and a barge-in silences the page', async () => {
    const seen = await visit(browser, gateway.address);
    const { page } = seen;
    await page.getByRole('button', { name: 'Start talking' }).click();

    const question = page.locator('[data-speaker="caller"] [data-kind="final"]').first();
    await question.waitFor({ timeout: REPLY_WITHIN_MS });
    expect(sharedWords(textOf(QUESTION), await question.innerText())).toBeGreaterThan(0.5);

    await page.locator('[data-speaker="assistant"]').first().waitFor({ timeout: REPLY_WITHIN_MS });
    await waitForSound(page);

    const flush = await waitFor(
      'the barge-in to silence the page',
      async () => (await unbrokenStats(page)).flushes.find(({ wasAudible }) => wasAudible),
      REPLY_WITHIN_MS,
    );
    console.log(`barge-in: silent ${flush.silentAfterMs.toFixed(1)} ms after clear_audio`);
    expect(flush.silentAfterMs).toBeLessThan(50);
    const unheard = page.locator('[data-speaker="assistant"] del').first();
    await unheard.waitFor({ timeout: REPLY_WITHIN_MS });
    expect((await unheard.innerText()).trim()).not.toBe('');
    await expectNoTrouble(seen);
    await page.context().close();
  });

  test('a typed message is answered aloud', async () => {
    const seen = await visit(browser, gateway.address);
    const { page } = seen;
    await page.getByRole('textbox', { name: 'Message' }).fill('What time is it?');
    await page.keyboard.press('Enter');
    await page.locator('[data-speaker="assistant"]').first().waitFor({ timeout: REPLY_WITHIN_MS });
    await waitForSound(page);
    expect(await page.locator('[data-speaker="caller"]').count()).toBe(1);
    await expectNoTrouble(seen);
    await page.context().close();
  });
});

async function waitForSound(page: Page): Promise<void> {
  await waitFor(
    'reply audio to be played',
    async () => (await stats(page)).player.samplesPlayed > 0 || undefined,
    REPLY_WITHIN_MS,
  );
}

/** What is said in a recording. */
function textOf(file: string): string {
  const questions: { file: string; text: string }[] = JSON.parse(
    readFileSync(path.join(AUDIO, 'questions.json'), 'utf8'),
  );
  const found = questions.find((question) => question.file === file);
  if (!found) throw new Error(`questions.json says nothing of ${file}.`);
  return found.text;
}

/** The part of the spoken words that was understood; a recogniser may miss one. */
function sharedWords(spoken: string, written: string): number {
  const words = (text: string) => text.toLowerCase().match(/[a-z']+/g) ?? [];
  const understood = new Set(words(written));
  const said = words(spoken);
  return said.filter((word) => understood.has(word)).length / said.length;
}
