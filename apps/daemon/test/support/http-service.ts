import { rmSync, writeFileSync } from 'node:fs';
import { TidemarkClient } from '@tidemark/http/client';
import { unixFetch } from '@tidemark/http/unix-fetch';
import type { ServicePlace } from './service.ts';

export const TOKEN = 'a-token-of-this-test-alone';

/** What a configuration says of HTTP. The token is in its file then. */
export function httpConfig(place: ServicePlace, token: string = TOKEN) {
  const file = place.path('token');
  rmSync(file, { force: true });
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  return { listen: { unix: place.path('http.sock'), mode: '0600' }, 'token-file': file };
}

export function httpClient(place: ServicePlace, token: string | undefined = TOKEN): TidemarkClient {
  return new TidemarkClient({ fetch: unixFetch(place.path('http.sock')), token });
}

/** A row of a map. */
export function rowOf(base64: string | undefined): number[] {
  return [...Buffer.from(base64 ?? '', 'base64')];
}
