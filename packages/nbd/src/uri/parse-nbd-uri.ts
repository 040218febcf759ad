import { TidemarkError } from '@tidemark/core';
import { MAX_STRING_BYTES } from '../protocol/limits.ts';
import type { NbdAddress } from '../server/listen.ts';
import { hostAndPort } from './host-and-port.ts';
import { percentDecode } from './percent-decode.ts';
import { uriError } from './uri-error.ts';

export interface NbdUri {
  /** As it was given. */
  readonly text: string;
  readonly address: NbdAddress;
  /** Empty for the server's default export. */
  readonly exportName: string;
}

// RFC 3986, appendix B. `URL` would not do: it takes dot segments and tabs out of export names.
const PARTS =
  /^(?<scheme>[a-z][a-z0-9+.-]*):\/\/(?<authority>[^/?#]*)(?<path>\/[^?#]*)?(?:\?(?<query>[^#]*))?(?<rest>#.*)?$/is;

/**
 * Parses `nbd://HOST[:PORT]/EXPORT` or `nbd+unix:///EXPORT?socket=PATH` (the NBD project's uri.md).
 * The port is 10809 and the export name empty where they are left out.
 *
 * @throws USAGE: not such a URI; DEVICE_UNSUPPORTED: one that asks for TLS or vsock
 */
export function parseNbdUri(text: string): NbdUri {
  const parts = PARTS.exec(text)?.groups;
  if (parts === undefined) throw uriError(text, 'it is not SCHEME://...');
  checkScheme(text, parts['scheme']!);
  if (parts['rest'] !== undefined) throw uriError(text, "a '#' in a name is written '%23'");
  const query = parseQuery(text, parts['query'] ?? '');
  const exportName = percentDecode(text, (parts['path'] ?? '/').slice(1));
  if (exportName.includes('\0') || Buffer.byteLength(exportName) > MAX_STRING_BYTES) {
    throw uriError(text, `an export name has at most ${MAX_STRING_BYTES} bytes, and no NUL`);
  }
  const isUnix = parts['scheme']!.toLowerCase() === 'nbd+unix';
  const addressOf = isUnix ? unixAddress : inetAddress;
  return { text, address: addressOf(text, parts['authority']!, query), exportName };
}

function checkScheme(text: string, given: string): void {
  const scheme = given.toLowerCase();
  if (scheme === 'nbd' || scheme === 'nbd+unix') return;
  const why = { nbds: 'TLS', 'nbds+unix': 'TLS', 'nbd+vsock': 'vsock', 'nbds+vsock': 'vsock' }[
    scheme
  ];
  if (why === undefined) throw uriError(text, `'${given}' is not a scheme of NBD`);
  throw new TidemarkError('DEVICE_UNSUPPORTED', `'${text}' asks for ${why}, which is not spoken`, {
    where: text,
    hint: 'use nbd:// over a network that is trusted, or nbd+unix:// on one machine',
  });
}

function parseQuery(text: string, query: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const pair of query.split('&').filter((part) => part !== '')) {
    const [key = '', ...value] = pair.split('=');
    const name = percentDecode(text, key);
    if (name !== 'socket') throw uriError(text, `'${name}' is not a parameter that is known`);
    if (values.has(name)) throw uriError(text, `'${name}' is given twice`);
    values.set(name, percentDecode(text, value.join('=')));
  }
  return values;
}

function unixAddress(text: string, authority: string, query: ReadonlyMap<string, string>) {
  if (authority !== '') throw uriError(text, 'a socket has no host, so three slashes are needed');
  const path = query.get('socket') ?? '';
  if (path === '') throw uriError(text, "'socket=PATH' is missing");
  // The kernel's abstract sockets; Node 22 cannot be relied on for them.
  if (path.includes('\0')) throw uriError(text, 'a socket is named by a path, without NUL');
  return { type: 'unix', path } as const;
}

function inetAddress(text: string, authority: string, query: ReadonlyMap<string, string>) {
  if (query.has('socket')) throw uriError(text, "'socket' is for nbd+unix:// only");
  return { type: 'inet', ...hostAndPort(text, authority) } as const;
}
