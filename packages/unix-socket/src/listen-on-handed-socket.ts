import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import type { Server } from 'node:net';
import { TidemarkError } from '@tidemark/core';
import { listenFailed } from './listen-failed.ts';

/** Where a socket listens that somebody else has opened. Node does not tell a path: it is ''. */
export type HandedPlace = { readonly path: '' } | { readonly host: string; readonly port: number };

/**
 * Listens on a socket that this process was started with. Its file, if it has one, is not removed when
 * the server closes. @throws USAGE (no socket has that number), IO_FAILED
 */
export async function listenOnHandedSocket(
  server: Server,
  descriptor: number,
): Promise<HandedPlace> {
  const where = `descriptor ${descriptor}`;
  checkSocket(descriptor);
  try {
    server.listen({ fd: descriptor });
    await once(server, 'listening');
  } catch (error) {
    throw listenFailed(where, error);
  }
  const bound = server.address();
  if (typeof bound === 'object' && bound !== null) return { host: bound.address, port: bound.port };
  return { path: '' };
}

/** Node takes a file for a socket as long as nobody connects. @throws USAGE */
function checkSocket(descriptor: number): void {
  let problem = 'is no socket';
  let cause: unknown;
  try {
    if (fstatSync(descriptor).isSocket()) return;
  } catch (error) {
    problem = 'is not open';
    cause = error;
  }
  const hint = 'start it with a socket that listens, as systemd-socket-activate does';
  throw new TidemarkError('USAGE', `descriptor ${descriptor} ${problem}`, { hint }, cause);
}
