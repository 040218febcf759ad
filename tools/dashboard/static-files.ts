import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

const DIST = fileURLToPath(new URL('../../apps/dashboard/dist', import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** The strictest policy under which the dashboard has to work. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

/** A file of the dashboard as it was built. */
export async function serveFile(path: string, response: ServerResponse): Promise<void> {
  const file = path === '/' ? '/index.html' : path;
  const type = TYPES[extname(file)];
  if (type === undefined || file.includes('..')) return void response.writeHead(404).end();
  try {
    const content = await readFile(DIST + file);
    response.writeHead(200, { 'content-type': type, 'content-security-policy': POLICY });
    response.end(content);
  } catch {
    response.writeHead(404).end();
  }
}
