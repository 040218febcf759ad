import { dirname } from 'node:path';
import { isTidemarkError } from '@tidemark/core';
import { systemErrorOf } from '@tidemark/img';
import {
  type ClientGone,
  type NbdExport,
  type NbdListenAddress,
  type NbdServer,
  type NbdServerTls,
  startNbdServer,
} from '@tidemark/nbd';
import { NbdFailure, PROGRAM } from '../failure.ts';
import type { NbdHost } from '../host.ts';
import type { NbdOptions } from '../options/nbd-options.ts';

/** As many clients as come. */
const ANY_NUMBER = 2 ** 31 - 1;

export interface ListenOptions {
  readonly exported: NbdExport;
  readonly tls: NbdServerTls | undefined;
  readonly onClientGone: (gone: ClientGone) => void;
}

/** Listens where the options say. @throws in qemu-nbd's words */
export async function listen(
  options: NbdOptions,
  host: NbdHost,
  { exported, tls, onClientGone }: ListenOptions,
): Promise<NbdServer> {
  const { shared, verbose } = options;
  const address = placeOf(options);
  try {
    return await startNbdServer({
      address,
      exports: [exported],
      // Who names an address or opens a socket means it; left out, it is that of this machine alone.
      exposed: true,
      limits: { clients: shared === 0 ? ANY_NUMBER : shared, whenFull: 'wait' },
      onClientGone,
      ...(tls && { tls }),
      ...(verbose && { log: (text) => host.err(`${PROGRAM}: ${text}\n`) }),
    });
  } catch (error) {
    throw wordListenError(error, options);
  }
}

function placeOf(options: NbdOptions): NbdListenAddress {
  const { handedSocket: descriptor, socket, bind } = options;
  if (descriptor !== undefined) return { type: 'descriptor', descriptor };
  if (socket !== undefined) return { type: 'unix', path: socket };
  return { type: 'inet', host: bind, port: portOf(options) };
}

function portOf({ bind, port }: NbdOptions): number {
  if (/^\d{1,5}$/.test(port) && Number(port) <= 65_535) return Number(port);
  const why = 'Servname not supported for ai_socktype';
  throw new NbdFailure(`address resolution failed for ${bind}:${port}: ${why}`);
}

function wordListenError(error: unknown, options: NbdOptions): unknown {
  if (!isTidemarkError(error)) return error;
  const { handedSocket, socket, bind, port } = options;
  const { where } = error.context;
  const because = (text: string, why: string) =>
    new NbdFailure(`${text}: ${why}`, { code: error.code, cause: error });
  const system = systemErrorOf(error);
  if (handedSocket !== undefined) return because('Failed to use socket activation', error.message);
  if (socket === undefined) {
    if (where === `${bind}:${port}` && system !== undefined) {
      return because('Failed to find an available port', system);
    }
    const text = `address resolution failed for ${bind}:${port}`;
    return where === bind ? because(text, 'Name or service not known') : error;
  }
  const text = `Failed to bind socket to ${socket}`;
  // Node calls a folder that is not there EACCES.
  if (where === dirname(socket)) return because(text, 'No such file or directory');
  return where === socket && system !== undefined ? because(text, system) : error;
}
