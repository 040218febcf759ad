import { join } from 'node:path';
import { TidemarkError } from '@tidemark/core';
import type { ProgramObjects } from './parse-objects.ts';

/** What a client takes for TLS. */
export type ClientTls =
  | {
      readonly type: 'x509';
      readonly certificates: string;
      readonly hostname: string;
      readonly verifyPeer: boolean;
    }
  | { readonly type: 'psk'; readonly keyFile: string; readonly username: string };

/** TLS by the object that a client names. `hostname`: who the server has to be. @throws USAGE */
export function clientTls(
  { credentials }: ProgramObjects,
  { creds, hostname }: { readonly creds: string | undefined; readonly hostname: string },
): ClientTls | undefined {
  if (creds === undefined) return undefined;
  const found = credentials.get(creds);
  if (found === undefined) {
    const hint = `add --object tls-creds-x509,id=${creds},...`;
    throw new TidemarkError('USAGE', `there are no TLS credentials '${creds}'`, { hint });
  }
  const { type, endpoint, dir, verifyPeer, username } = found;
  if (endpoint !== 'client') {
    const text = `the TLS credentials '${creds}' are a server's`;
    throw new TidemarkError('USAGE', text, { hint: 'name some with endpoint=client' });
  }
  if (type === 'psk') return { type, keyFile: join(dir, 'keys.psk'), username };
  return { type, certificates: dir, hostname, verifyPeer };
}
