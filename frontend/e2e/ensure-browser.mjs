/** Finds a Chromium for the browser tests, or gets one; run directly, it says so before the tests start. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** The path of a browser that can be started, or null. */
export function findBrowser() {
  const chosen = process.env.TANDEM_BROWSER;
  if (chosen) return isExecutable(chosen) ? chosen : null;
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const onPath = NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  return [...onPath, chromium.executablePath()].find(isExecutable) ?? null;
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function installBrowser() {
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    attempt('apt-get', ['update']);
    attempt('apt-get', ['install', '-y', 'chromium']);
  }
  if (!findBrowser()) {
    attempt(process.execPath, [
      path.join(import.meta.dirname, '..', 'node_modules', 'playwright-core', 'cli.js'),
      'install',
      'chromium',
    ]);
  }
}

/** A failure here is no error yet: the next way may work. */
function attempt(command, args) {
  console.log(`No browser found. Trying: ${command} ${args.join(' ')}`);
  try {
    execFileSync(command, args, { stdio: 'inherit' });
  } catch (error) {
    console.log(`That did not work: ${error.message}`);
  }
}

function main() {
  if (process.env.TANDEM_BROWSER && !findBrowser()) {
    console.error(`TANDEM_BROWSER is ${process.env.TANDEM_BROWSER}, which cannot be started.`);
    console.error('Set it to the path of a Chromium, or unset it to have one looked for.');
    process.exit(1);
  }
  if (!findBrowser()) installBrowser();
  if (findBrowser()) return;
  console.error('='.repeat(78));
  console.error('The browser tests were SKIPPED: no Chromium here, and none could be installed.');
  console.error('Install one, or set TANDEM_BROWSER to its path, then run: npm run e2e');
  console.error('='.repeat(78));
  process.exit(process.env.CI === 'true' ? 1 : 0);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
