import { isIPv6 } from 'node:net';
import { percentDecode } from './percent-decode.ts';
import { uriError } from './uri-error.ts';

/** The port that IANA has given to NBD. */
const DEFAULT_PORT = 10_809;

/** @throws USAGE */
export function hostAndPort(text: string, authority: string): { host: string; port: number } {
  const groups = /^(?:\[(?<v6>[^\]]*)\]|(?<name>[^:[\]]*))(?::(?<port>\d*))?$/.exec(
    authority,
  )?.groups;
  if (groups === undefined) throw uriError(text, `'${authority}' is not HOST[:PORT]`);
  const host = groups['v6'] ?? percentDecode(text, groups['name']!);
  if (groups['v6'] !== undefined && !isIPv6(host)) {
    throw uriError(text, `'${host}' is not an IPv6 address`);
  }
  if (host === '') throw uriError(text, 'the host is missing');
  const port = groups['port'] ? Number(groups['port']) : DEFAULT_PORT;
  if (port < 1 || port > 65_535) throw uriError(text, `${port} is not a port from 1 to 65535`);
  return { host, port };
}
