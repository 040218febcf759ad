import { lookup } from 'node:dns/promises';
import { BlockList, type Server } from 'node:net';
import { TidemarkError } from '@tidemark/core';
import { listenOnHandedSocket, listenOnPort, listenOnSocket } from '@tidemark/unix-socket';

/**
 * Where a server listens. Port 0 lets the system choose one. `mode`: who may connect to the socket,
 * as of a file; default: as the process's umask has it.
 */
export type NbdAddress =
  | { readonly type: 'unix'; readonly path: string; readonly mode?: number }
  | { readonly type: 'inet'; readonly host: string; readonly port: number };

/**
 * Or it listens on a socket that somebody has opened for this process: `descriptor` is its number. The
 * file of a unix socket stays when the server ends, for it is theirs.
 */
export type NbdListenAddress =
  | NbdAddress
  | { readonly type: 'descriptor'; readonly descriptor: number };

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * Listens, and resolves to the address with the actual port, or that of the
 * socket it was handed, as far as it is known: the path of a unix socket is empty then. A socket file that nobody listens on is
 * replaced.
 * @throws USAGE (not loopback and not `exposed`, not a path or port), LOCKED (in use), FILE_EXISTS (not a socket),
 * FILE_NOT_FOUND (its folder), PERMISSION_DENIED, IO_FAILED
 */
export async function listen(
  server: Server,
  address: NbdListenAddress,
  { exposed }: { readonly exposed: boolean },
): Promise<NbdAddress> {
  if (address.type === 'inet') return listenHere(server, address, exposed);
  if (address.type === 'descriptor') return listenThere(server, address.descriptor, exposed);
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

async function listenThere(
  server: Server,
  descriptor: number,
  exposed: boolean,
): Promise<NbdAddress> {
  const bound = await listenOnHandedSocket(server, descriptor);
  if ('path' in bound) return { type: 'unix', ...bound };
  const { host, port } = bound;
  if (!exposed && !LOOPBACK.check(host, host.includes(':') ? 'ipv6' : 'ipv4')) {
    server.close();
    throw notThisMachine(host);
  }
  return { type: 'inet', host, port };
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
  throw notThisMachine(host);
}

function notThisMachine(host: string): TidemarkError {
  return new TidemarkError('USAGE', `'${host}' is not an address of this machine alone`, {
    where: host,
    hint: 'listen on 127.0.0.1, on ::1 or on a unix socket, or with TLS',
  });
}
