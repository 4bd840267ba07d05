/** Bundles the audio worklets into public/worklets, because the page's bundler would emit them as raw TypeScript. */
import path from 'node:path';
import { build } from 'esbuild';
import { WORKLETS } from './worklets.mjs';

const root = path.dirname(import.meta.dirname);

await build({
  entryPoints: WORKLETS.map((name) => path.join(root, 'src', 'audio', 'worklets', `${name}.ts`)),
  outdir: path.join(root, 'public', 'worklets'),
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  logLevel: 'warning',
});
