import { TidemarkError } from '@tidemark/core';
import type { ProgramObjects } from './parse-objects.ts';

/** What an NBD server takes for TLS. */
export interface ServerTls {
  readonly type: 'x509' | 'psk';
  readonly dir: string;
  readonly verifyPeer?: boolean;
  readonly allows?: (name: string) => boolean;
}

/** TLS by the objects that options name. @throws USAGE */
export function serverTls(
  { credentials, allowLists }: ProgramObjects,
  { creds, authz }: { readonly creds: string | undefined; readonly authz: string | undefined },
): ServerTls | undefined {
  if (creds === undefined) {
    if (authz === undefined) return undefined;
    throw problem('a list of names goes with TLS only', 'add tls-creds too');
  }
  const found = credentials.get(creds);
  if (found === undefined) {
    throw problem(
      `there are no TLS credentials '${creds}'`,
      `add --object tls-creds-x509,id=${creds},...`,
    );
  }
  if (found.endpoint !== 'server') {
    throw problem(`the TLS credentials '${creds}' are a client's`, 'add endpoint=server to them');
  }
  const allows = authz === undefined ? undefined : allowLists.get(authz);
  if (authz !== undefined && allows === undefined) {
    throw problem(
      `there is no list of names '${authz}'`,
      `add --object authz-simple,id=${authz},...`,
    );
  }
  const { type, dir, verifyPeer } = found;
  return { type, dir, verifyPeer, ...(allows && { allows }) };
}

function problem(text: string, hint: string): TidemarkError {
  return new TidemarkError('USAGE', text, { hint });
}
