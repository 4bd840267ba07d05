/** Builds the page as plain files, so that the gateway serves it from the WebSocket's own origin. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { NextConfig } from 'next';
import { WORKLETS } from './scripts/worklets.mjs';

/** Files in public/ keep their names, so a changed worklet needs a changed address to pass the cache. */
function workletVersion(): string {
  const hash = createHash('sha256');
  for (const name of WORKLETS) {
    hash.update(readFileSync(path.join(import.meta.dirname, 'public', 'worklets', `${name}.js`)));
  }
  return hash.digest('hex').slice(0, 12);
}

const config: NextConfig = {
  output: 'export',
  trailingSlash: true,
  images: { unoptimized: true },
  env: { WORKLET_VERSION: workletVersion() },
  // The repository around this folder has other lock files; the page's root is here.
  turbopack: { root: import.meta.dirname },
  devIndicators: false,
};

export default config;
