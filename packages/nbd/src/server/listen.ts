import { lookup } from 'node:dns/promises';
import { BlockList, type Server } from 'node:net';
import { TidemarkError } from '@tidemark/core';
import { listenOnPort, listenOnSocket } from '@tidemark/unix-socket';

/**
 * Where a server listens. Port 0 lets the system choose one. `mode`: who may connect to the socket,
 * as of a file; default: as the process's umask has it.
 */
export type NbdAddress =
  | { readonly type: 'unix'; readonly path: string; readonly mode?: number }
  | { readonly type: 'inet'; readonly host: string; readonly port: number };

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * Listens, and resolves to the address with the actual port. A socket file that nobody listens on is
 * replaced.
 * @throws USAGE (not loopback and not `exposed`, not a path or port), LOCKED (in use), FILE_EXISTS (not a socket),
 * FILE_NOT_FOUND (its folder), PERMISSION_DENIED, IO_FAILED
 */
export async function listen(
  server: Server,
  address: NbdAddress,
  { exposed }: { readonly exposed: boolean },
): Promise<NbdAddress> {
  if (address.type === 'inet') return listenHere(server, address, exposed);
  const { path, mode } = address;
  await listenOnSocket(server, path, mode === undefined ? {} : { mode });
  return address;
}

async function listenHere(
  server: Server,
  { host, port }: Extract<NbdAddress, { type: 'inet' }>,
  exposed: boolean,
): Promise<NbdAddress> {
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new TidemarkError('USAGE', `${port} is not a port`, { hint: 'use 0 to 65535' });
  }
  const numeric = exposed ? await anyAddress(host) : await loopbackAddress(host);
  return {
    type: 'inet',
    host,
    port: await listenOnPort(server, { host: numeric, port, label: host }),
  };
}

async function anyAddress(host: string): Promise<string> {
  const found = host === '' ? undefined : await lookup(host).catch(() => undefined);
  if (found !== undefined) return found.address;
  throw new TidemarkError('USAGE', `'${host}' is not an address`, {
    where: host,
    hint: 'use the name or number of an address of this machine, 0.0.0.0 or :: for all of them',
  });
}

/** There is no encryption and no login, so what listens is not to be reached from elsewhere. */
async function loopbackAddress(host: string): Promise<string> {
  const found = host === '' ? undefined : await lookup(host).catch(() => undefined);
  const family = found?.family === 6 ? 'ipv6' : 'ipv4';
  if (found !== undefined && LOOPBACK.check(found.address, family)) return found.address;
  throw new TidemarkError('USAGE', `'${host}' is not an address of this machine alone`, {
    where: host,
    hint: 'listen on 127.0.0.1, on ::1 or on a unix socket, or with TLS',
  });
}
