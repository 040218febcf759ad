import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Sent } from './send.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.txt': 'text/plain; charset=utf-8',
};

/** Neither leads upwards nor to what is hidden. */
const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const MOST_SEGMENTS = 4;
/** As bundlers name what never changes: `index-B3x_9dQa.js`. */
const HASHED = /^\/assets\/(?:[^/]+\/)*[^/]+[-.][A-Za-z0-9_-]{8,}\.\w+$/;

/** A file of a folder, by the path of a URL. Undefined: there is none of this name. */
export async function readStatic(folder: string, path: string): Promise<Sent | undefined> {
  const name = path === '/' ? '/index.html' : path;
  const segments = name.split('/').slice(1);
  const type = TYPES[extname(name)];
  if (type === undefined || segments.length > MOST_SEGMENTS) return undefined;
  if (!segments.every((segment) => SEGMENT.test(segment))) return undefined;
  const body = await readFile(join(folder, ...segments)).catch(() => undefined);
  if (body === undefined) return undefined;
  const cache = HASHED.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache';
  return { status: 200, type, body, cache };
}
