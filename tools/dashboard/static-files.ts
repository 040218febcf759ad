import type { ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { readStatic } from '../../packages/http/src/server/static-files.ts';

const DIST = fileURLToPath(new URL('../../apps/dashboard/dist', import.meta.url));

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

/** A file of the dashboard as it was built, found as the daemon finds it. */
export async function serveFile(path: string, response: ServerResponse): Promise<void> {
  const file = await readStatic(DIST, path);
  if (file === undefined) return void response.writeHead(404).end();
  const { type, body } = file;
  response.writeHead(200, { 'content-type': type, 'content-security-policy': POLICY });
  response.end(body);
}
