import { createServer } from 'node:net';
import { BufferPool } from './buffer-pool.ts';
import { type NbdServerTls, ServerTls } from '../tls/server-tls.ts';
import { type ClientGone, Clients } from './clients.ts';
import { type ClientEvent, Connection } from './connection.ts';
import { type ExportHandle, handleOf } from './export-handle.ts';
import { completeLimits, type Limits } from './limits.ts';
import { listen, type NbdAddress, type NbdListenAddress } from './listen.ts';
import { checkExports, type NbdExport } from './nbd-export.ts';
import { ServedExport } from './served-export.ts';

/** Of `startNbdServer`. */
export interface NbdServerOptions {
  readonly address: NbdListenAddress;
  /** In the order in which they are listed. */
  readonly exports: readonly NbdExport[];
  /** Default: none, and who asks for it is told so. */
  readonly tls?: NbdServerTls;
  /**
   * Lets it listen where other machines can reach it although nobody has to prove who he is.
   * Default: only with TLS.
   */
  readonly exposed?: boolean;
  /** What is left out is as by default. */
  readonly limits?: Partial<Limits>;
  /** Called when a client is gone. Default: nobody is told. */
  readonly onClientGone?: (gone: ClientGone) => void;
  /** Told what goes wrong, in a sentence, and with which client. Default: nobody. */
  readonly log?: (message: string, about?: { readonly client: number }) => void;
  /** Told of clients that come, choose an export and go. Default: nobody. */
  readonly onClient?: (event: ClientEvent) => void;
}

/** Listens, and serves disks to any number of clients at a time. */
export interface NbdServer extends AsyncDisposable {
  /** With the port that the system chose. */
  readonly address: NbdAddress;
  /** Whether it offers an export of that name now. */
  has(name: string): boolean;
  /** Offers one more. @throws USAGE: its name is taken, or too long for the protocol */
  add(exported: NbdExport): ExportHandle;
  /**
   * What holds for clients that come from now on; those that are here stay. What is left out is as by
   * default. @throws as `startNbdServer`, of credentials and limits: all is as it was then
   */
  configure(
    options: Pick<NbdServerOptions, 'limits'> & { tls?: NbdServerTls | undefined },
  ): Promise<void>;
  /**
   * Takes no more clients and requests, finishes and answers those under way, hangs up. Exports and
   * their devices are not used any more when it resolves. Idempotent.
   */
  close(): Promise<void>;
}

/**
 * Serves disks over NBD: fixed newstyle, structured replies, base:allocation and the dirty bitmaps
 * of the exports as QEMU serves them. Without TLS on the loopback or a unix socket only.
 * @throws USAGE, LOCKED, FILE_EXISTS, PERMISSION_DENIED, IO_FAILED: it cannot listen there, or the
 *   credentials are of no use; FILE_NOT_FOUND: there are none
 */
export async function startNbdServer(options: NbdServerOptions): Promise<NbdServer> {
  const { address, exposed = options.tls !== undefined, log = () => {} } = options;
  const { onClientGone: onGone = () => {}, onClient = () => {} } = options;
  let lastClient = 0;
  let limits = completeLimits(options.limits);
  checkExports(options.exports);
  // Connections look at it whenever a client asks: exports come and go.
  const exports = options.exports.map((exported) => new ServedExport(exported));
  let tls = options.tls && (await ServerTls.load(options.tls));
  const pool = new BufferPool();
  const clients = new Clients({
    limits: () => limits,
    serve: (socket) =>
      new Connection({ id: ++lastClient, socket, exports, pool, limits, tls, log, onClient }),
    onGone,
  });
  // One that waits is not read from: what it sends stays with the system.
  const how = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true };
  const server = createServer(how, (socket) => clients.add(socket));
  server.maxConnections = Clients.maxConnections(limits);
  server.on('drop', () => log(`a client is turned away: there are ${limits.clients} already`));
  const bound = await listen(server, address, { exposed });
  server.on('error', (error) => log(`accepting a client failed: ${error.message}`));
  let closing: Promise<void> | undefined;
  const close = () => (closing ??= clients.close(server));
  const add = (exported: NbdExport) => {
    checkExports([...exports, exported]);
    const served = new ServedExport(exported);
    exports.push(served);
    return handleOf(served, exports, clients);
  };
  const configure: NbdServer['configure'] = async (wanted) => {
    const nextLimits = completeLimits(wanted.limits);
    tls = wanted.tls && (await ServerTls.load(wanted.tls));
    limits = nextLimits;
    server.maxConnections = Clients.maxConnections(limits);
  };
  const has = (name: string) => exports.some((served) => served.name === name);
  return { address: bound, has, add, configure, close, [Symbol.asyncDispose]: close };
}
