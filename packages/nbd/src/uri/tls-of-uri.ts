import { userInfo } from 'node:os';
import type { NbdAddress } from '../server/listen.ts';
import type { NbdClientTls } from '../tls/client-tls.ts';
import { percentDecode } from './percent-decode.ts';
import { uriError } from './uri-error.ts';

/** As libnbd has them (nbd_connect_uri(3), "URI format"). */
export const TLS_PARAMETERS: ReadonlySet<string> = new Set([
  'tls-type',
  'tls-certificates',
  'tls-hostname',
  'tls-verify-peer',
  'tls-psk-file',
]);

interface UriParts {
  readonly query: ReadonlyMap<string, string>;
  /** Before an `@`, as it stands there. */
  readonly user: string | undefined;
  readonly address: NbdAddress;
}

/** @throws USAGE */
export function tlsOfUri(text: string, { query, user, address }: UriParts): NbdClientTls {
  const keyFile = query.get('tls-psk-file');
  const type = query.get('tls-type') ?? (keyFile === undefined ? 'x509' : 'psk');
  const only = (name: string, kind: string) => {
    if (type !== kind && query.has(name)) throw uriError(text, `'${name}' is for ${kind} only`);
  };
  for (const name of ['tls-certificates', 'tls-hostname', 'tls-verify-peer']) only(name, 'x509');
  only('tls-psk-file', 'psk');
  if (type === 'psk') {
    if (keyFile === undefined) throw uriError(text, "'tls-psk-file=PATH' is missing");
    const username = user === undefined ? userInfo().username : percentDecode(text, user);
    return { type, keyFile, username };
  }
  // Such a server could be anybody.
  if (type === 'anon') throw uriError(text, "'tls-type=anon' is not spoken: use x509 or psk");
  if (type !== 'x509') throw uriError(text, `'tls-type=${type}' is not one of x509 and psk`);
  const certificates = query.get('tls-certificates');
  const usual = address.type === 'inet' ? address.host : 'localhost';
  return {
    type,
    ...(certificates !== undefined && { certificates }),
    hostname: query.get('tls-hostname') ?? usual,
    verifyPeer: verifies(text, query.get('tls-verify-peer')),
  };
}

function verifies(text: string, value = '1'): boolean {
  if (value === '0' || value === '1') return value === '1';
  throw uriError(text, `'tls-verify-peer=${value}' is not 0 or 1`);
}
