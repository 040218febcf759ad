import { TidemarkError } from '@tidemark/core';
import { MAX_STRING_BYTES } from '../protocol/limits.ts';
import type { NbdAddress } from '../server/listen.ts';
import type { NbdClientTls } from '../tls/client-tls.ts';
import { hostAndPort } from './host-and-port.ts';
import { percentDecode } from './percent-decode.ts';
import { TLS_PARAMETERS, tlsOfUri } from './tls-of-uri.ts';
import { uriError } from './uri-error.ts';

/** What an NBD URI says. */
export interface NbdUri {
  /** As it was given. */
  readonly text: string;
  readonly address: NbdAddress;
  /** Empty for the server's default export. */
  readonly exportName: string;
  /** Absent: what is sent can be read on the way. */
  readonly tls?: NbdClientTls;
}

// RFC 3986, appendix B. `URL` would not do: it takes dot segments and tabs out of export names.
const PARTS =
  /^(?<scheme>[a-z][a-z0-9+.-]*):\/\/(?:(?<user>[^@/?#]*)@)?(?<authority>[^/?#]*)(?<path>\/[^?#]*)?(?:\?(?<query>[^#]*))?(?<rest>#.*)?$/is;

interface Scheme {
  readonly isUnix: boolean;
  readonly isSecured: boolean;
}

const SCHEMES: Readonly<Record<string, Scheme>> = {
  nbd: { isUnix: false, isSecured: false },
  nbds: { isUnix: false, isSecured: true },
  'nbd+unix': { isUnix: true, isSecured: false },
  'nbds+unix': { isUnix: true, isSecured: true },
};

/**
 * Parses `nbd://HOST[:PORT]/EXPORT` or `nbd+unix:///EXPORT?socket=PATH` (the NBD project's uri.md).
 * The port is 10809 and the export name empty where they are left out. With TLS, `nbds://` and
 * `nbds+unix://` take libnbd's parameters: `tls-certificates=DIR`, `tls-hostname=NAME`,
 * `tls-verify-peer=0`, `tls-psk-file=PATH` with the name before an `@`, `tls-type=x509|psk`.
 *
 * @throws USAGE: not such a URI; DEVICE_UNSUPPORTED: one that asks for vsock
 */
export function parseNbdUri(text: string): NbdUri {
  const parts = PARTS.exec(text)?.groups;
  if (parts === undefined) throw uriError(text, 'it is not SCHEME://...');
  const scheme = schemeOf(text, parts['scheme']!);
  if (parts['rest'] !== undefined) throw uriError(text, "a '#' in a name is written '%23'");
  const query = parseQuery(text, parts['query'] ?? '', scheme);
  const exportName = percentDecode(text, (parts['path'] ?? '/').slice(1));
  if (exportName.includes('\0') || Buffer.byteLength(exportName) > MAX_STRING_BYTES) {
    throw uriError(text, `an export name has at most ${MAX_STRING_BYTES} bytes, and no NUL`);
  }
  const user = parts['user'];
  if (user !== undefined && !scheme.isSecured) {
    throw uriError(text, 'a user name is of use with TLS only');
  }
  const addressOf = scheme.isUnix ? unixAddress : inetAddress;
  const address = addressOf(text, parts['authority']!, query);
  const tls = scheme.isSecured && tlsOfUri(text, { query, user, address });
  return { text, address, exportName, ...(tls && { tls }) };
}

function schemeOf(text: string, given: string): Scheme {
  const scheme = given.toLowerCase();
  if (Object.hasOwn(SCHEMES, scheme)) return SCHEMES[scheme]!;
  if (scheme !== 'nbd+vsock' && scheme !== 'nbds+vsock') {
    throw uriError(text, `'${given}' is not a scheme of NBD`);
  }
  throw new TidemarkError('DEVICE_UNSUPPORTED', `'${text}' asks for vsock, which is not spoken`, {
    where: text,
    hint: 'use nbds:// over a network, or nbd+unix:// on one machine',
  });
}

function parseQuery(
  text: string,
  query: string,
  { isSecured }: Scheme,
): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const pair of query.split('&').filter((part) => part !== '')) {
    const [key = '', ...value] = pair.split('=');
    const name = percentDecode(text, key);
    const isOfTls = TLS_PARAMETERS.has(name);
    if (name !== 'socket' && !isOfTls) {
      throw uriError(text, `'${name}' is not a parameter that is known`);
    }
    if (isOfTls && !isSecured) throw uriError(text, `'${name}' is for nbds:// only`);
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
