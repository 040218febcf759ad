import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { link } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';

/** Where the socket listens. Of a unix socket `path`, clients use `path.handed`. */
export type SocketPlace = { readonly host: string } | { readonly path: string };

/** A program that was started with a listening socket as its descriptor 3. */
export interface Handed {
  readonly child: ChildProcess;
  /** 0 for a unix socket. */
  readonly port: number;
}

/**
 * Starts a program as systemd does for a `.socket` unit (sd_listen_fds(3)): with a listening socket as
 * descriptor 3, and LISTEN_PID and LISTEN_FDS. `count`: what LISTEN_FDS says.
 */
export async function startWithSocket(
  place: SocketPlace,
  command: readonly string[],
  count = '1',
): Promise<Handed> {
  const server = createServer();
  server.listen('path' in place ? place : { ...place, port: 0 });
  await once(server, 'listening');
  const bound = server.address();
  // Closing it removes the file.
  if ('path' in place) await link(place.path, `${place.path}.handed`);
  // As many as LISTEN_FDS tells of.
  const copies = Number(count) > 0 ? Number(count) : 1;
  const script = 'export LISTEN_PID=$$ LISTEN_FDS="$0"; exec "$@"';
  const child = spawn('sh', ['-c', script, count, ...command], {
    stdio: ['ignore', 'pipe', 'pipe', ...Array<number>(copies).fill(descriptorOf(server))],
  });
  // It has a descriptor of its own; connections are not for us.
  server.close();
  return { child, port: typeof bound === 'object' && bound !== null ? bound.port : 0 };
}

/** Not in Node's types. */
function descriptorOf(server: Server): number {
  if ('_handle' in server && typeof server._handle === 'object' && server._handle !== null) {
    const { _handle: handle } = server;
    if ('fd' in handle && typeof handle.fd === 'number') return handle.fd;
  }
  throw new Error('this Node does not tell the descriptor of a server');
}
