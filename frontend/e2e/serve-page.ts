/** Serves the built page the way the gateway does: plain files under a strict content security policy. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';

const OUT = path.resolve(import.meta.dirname, '..', 'out');

const MIME: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain',
};

export function servePage(request: IncomingMessage, response: ServerResponse): void {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const file = fileFor(pathname);
  const body = readFileSync(file ?? path.join(OUT, '404.html'));
  const extension = path.extname(file ?? '404.html');
  response.writeHead(file ? 200 : 404, {
    'content-type': MIME[extension] ?? 'application/octet-stream',
    'content-security-policy': policy(extension === '.html' ? body.toString() : ''),
  });
  response.end(body);
}

function fileFor(pathname: string): string | null {
  const asked = path.join(OUT, path.normalize(pathname));
  const file = existsSync(asked) && statSync(asked).isDirectory() ? `${asked}/index.html` : asked;
  return existsSync(file) ? file : null;
}

/** Inline scripts only by their hash; some of them carry an id. */
function policy(html: string): string {
  const inline = [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(
    ([, script]) => {
      return `'sha256-${createHash('sha256').update(script).digest('base64')}'`;
    },
  );
  return [
    "default-src 'self'",
    `script-src 'self' ${inline.join(' ')}`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
