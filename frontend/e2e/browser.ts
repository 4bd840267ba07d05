/** Starts Chromium as a test caller, and watches what the page asks of the network and writes to the console. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { describe } from 'vitest';
import type { TandemStats } from '../src/call/diagnostics';
import { findBrowser } from './ensure-browser.mjs';

/** A WAV file to speak, a microphone the caller refuses, or none at all. */
export type FakeMicrophone = { wav: string } | 'refused' | 'missing';

const QUIET_FLAGS = [
  '--disable-background-networking',
  '--no-first-run',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  // A name that is neither localhost nor https, for the page's own insecure-origin rule.
  '--host-resolver-rules=MAP insecure.test 127.0.0.1',
];

/** Without a browser the tests are skipped; ensure-browser.mjs has then said so loudly. */
export const browserSuite = describe.skipIf(findBrowser() === null);

export interface Visit {
  page: Page;
  /** Console errors and uncaught exceptions, so far. */
  complaints: string[];
  /** Addresses asked for on any other host than the page's own. */
  strangers: string[];
}

export async function launch(microphone: FakeMicrophone): Promise<Browser> {
  return chromium.launch({
    executablePath: findBrowser() ?? undefined,
    args: [...QUIET_FLAGS, ...microphoneFlags(microphone), ...rootFlags()],
  });
}

function microphoneFlags(microphone: FakeMicrophone): string[] {
  if (microphone === 'refused')
    return ['--deny-permission-prompts', '--use-fake-device-for-media-stream'];
  if (microphone === 'missing') return ['--use-fake-ui-for-media-stream'];
  return [
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    `--use-file-for-fake-audio-capture=${microphone.wav}%noloop`,
  ];
}

/** Chromium's sandbox does not start as root. */
function rootFlags(): string[] {
  return process.getuid?.() === 0 ? ['--no-sandbox'] : [];
}

export async function visit(
  browser: Browser,
  address: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  const strangers: string[] = [];
  const { host } = new URL(address);
  const note = (asked: string) => {
    const url = new URL(asked);
    if (url.protocol !== 'data:' && url.protocol !== 'blob:' && url.host !== host) {
      strangers.push(asked);
    }
  };
  page.on('request', (request) => note(request.url()));
  page.on('websocket', (socket) => note(socket.url()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.goto(address);
  await page.waitForFunction(() => window.__tandem !== undefined);
  return { page, complaints, strangers };
}

export function stats(page: Page): Promise<TandemStats> {
  return page.evaluate(() => {
    if (!window.__tandem) throw new Error('The page has not installed its diagnostics.');
    return window.__tandem.stats();
  });
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core finds wrong with the page once it has come to rest, one line each. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  await page.evaluate(() => {
    const passing = document.getAnimations().filter((animation) => {
      return animation.effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY;
    });
    return Promise.allSettled(passing.map((animation) => animation.finished)).then(() => {});
  });
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    type Axe = { run: () => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    const { violations } = await (window as unknown as { axe: Axe }).axe.run();
    return violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`,
    );
  });
}
