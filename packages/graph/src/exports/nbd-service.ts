import { isTidemarkError, TidemarkError } from '@tidemark/core';
import {
  type NbdAddress,
  type NbdExport,
  type NbdExportHandle,
  type NbdLimits,
  type NbdServer,
  type NbdServerTls,
  startNbdServer,
} from '@tidemark/nbd';
import { refusal } from '../errors.ts';

export interface NbdServing {
  readonly address: NbdAddress;
  readonly tls?: NbdServerTls | undefined;
  /** See `startNbdServer`. */
  readonly exposed?: boolean;
  readonly limits?: Partial<NbdLimits>;
}

/** The one NBD server that a graph has, or has not now. */
export class NbdService {
  readonly #log: (message: string) => void;
  #server: NbdServer | undefined;

  constructor(log: (message: string) => void) {
    this.#log = log;
  }

  get address(): NbdAddress | undefined {
    return this.#server?.address;
  }

  /** @throws USAGE (it runs already), and as `startNbdServer` */
  async start({ address, tls, exposed = false, limits = {} }: NbdServing): Promise<void> {
    if (this.#server !== undefined) throw refusal('NBD server already running');
    try {
      this.#server = await startNbdServer({
        address,
        exports: [],
        limits,
        log: this.#log,
        ...(tls && { tls }),
        ...(exposed && { exposed }),
      });
    } catch (error) {
      throw bindFailed(error, address);
    }
  }

  /** @throws USAGE: it does not run, or has an export of this name */
  offer(exported: NbdExport): NbdExportHandle {
    return this.running.add(exported);
  }

  /** @throws USAGE: it does not run */
  get running(): NbdServer {
    if (this.#server === undefined) throw refusal('NBD server not running');
    return this.#server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.close();
  }
}

function bindFailed(error: unknown, address: NbdAddress): unknown {
  if (address.type !== 'unix' || !isTidemarkError(error)) return error;
  const reasons: Partial<Record<string, string>> = {
    FILE_NOT_FOUND: 'No such file or directory',
    PERMISSION_DENIED: 'Permission denied',
    LOCKED: 'Address already in use',
  };
  const reason = reasons[error.code];
  if (reason === undefined) return error;
  const text = `Failed to bind socket to ${address.path}: ${reason}`;
  return new TidemarkError(error.code, text, error.context);
}
