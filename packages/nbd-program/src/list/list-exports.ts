import { isTidemarkError } from '@tidemark/core';
import { systemErrorOf } from '@tidemark/img';
import { listNbdExports, type NbdAddress } from '@tidemark/nbd';
import { NbdFailure } from '../failure.ts';
import type { NbdHost } from '../host.ts';
import type { NbdOptions } from '../options/nbd-options.ts';
import { clientTlsOf } from '../options/tls.ts';
import { describeExport } from './describe-export.ts';

/** -L. @throws NbdFailure and what `listNbdExports` throws */
export async function listExports(options: NbdOptions, host: NbdHost): Promise<void> {
  const tls = clientTlsOf(options);
  const exports = await listNbdExports(addressOf(options), tls === undefined ? {} : { tls }).catch(
    (error: unknown) => {
      throw wordConnectError(error, options);
    },
  );
  host.out(`exports available: ${exports.length}\n${exports.map(describeExport).join('')}`);
}

function addressOf({ socket, bind, port }: NbdOptions): NbdAddress {
  if (socket !== undefined) return { type: 'unix', path: socket };
  return { type: 'inet', host: bind, port: Number(port) };
}

function wordConnectError(error: unknown, { socket, bind, port }: NbdOptions): unknown {
  const system = systemErrorOf(error);
  if (!isTidemarkError(error) || system === undefined) return error;
  const text = `Failed to connect to '${socket ?? `${bind}:${port}`}': ${system}`;
  return new NbdFailure(text, { code: error.code, cause: error });
}
