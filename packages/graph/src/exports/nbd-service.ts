import { isTidemarkError, TidemarkError } from '@tidemark/core';
import {
  type NbdAddress,
  type NbdClientEvent,
  type NbdExport,
  type NbdExportHandle,
  type NbdLimits,
  type NbdServer,
  type NbdServerTls,
  startNbdServer,
} from '@tidemark/nbd';
import { refusal } from '../errors.ts';

/** Hears what a user should know, in a sentence, and which client it is about. */
export type Log = (message: string, about?: { readonly client: number }) => void;

/** Where and how the NBD server of a graph listens. */
export interface NbdServing {
  readonly address: NbdAddress;
  readonly tls?: NbdServerTls | undefined;
  /** See `startNbdServer`. */
  readonly exposed?: boolean;
  readonly limits?: Partial<NbdLimits>;
}

/** The one NBD server that a graph has, or has not now. */
export class NbdService {
  readonly #log: Log;
  readonly #onClient: (event: NbdClientEvent) => void;
  #server: NbdServer | undefined;
  #clients = 0;

  constructor(log: Log, onClient: (event: NbdClientEvent) => void = () => {}) {
    this.#log = log;
    this.#onClient = (event) => {
      if (event.what === 'came') this.#clients += 1;
      if (event.what === 'left') this.#clients -= 1;
      onClient(event);
    };
  }

  /** How many are connected, whether they have chosen an export or not. */
  get clients(): number {
    return this.#clients;
  }

  get address(): NbdAddress | undefined {
    return this.#server?.address;
  }

  /** @throws USAGE (it runs already), and as `startNbdServer` */
  async start(serving: NbdServing): Promise<void> {
    if (this.#server !== undefined) throw refusal('NBD server already running');
    this.#server = await this.#listen(serving);
  }

  /** Whether a server could be started there. @throws why it could not */
  async check(serving: NbdServing): Promise<void> {
    await (await this.#listen(serving)).close();
  }

  /**
   * What holds for clients that come from now on: credentials are read again. Those that are here
   * stay. @throws USAGE (it does not run), and as `NbdServer.configure`: all is as it was
   */
  async configure({ tls, limits = {} }: Omit<NbdServing, 'address'>): Promise<void> {
    await this.running.configure({ limits, tls });
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

  async #listen({ address, tls, exposed = false, limits = {} }: NbdServing): Promise<NbdServer> {
    try {
      return await startNbdServer({
        address,
        exports: [],
        limits,
        log: this.#log,
        onClient: this.#onClient,
        ...(tls && { tls }),
        ...(exposed && { exposed }),
      });
    } catch (error) {
      throw bindFailed(error, address);
    }
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
