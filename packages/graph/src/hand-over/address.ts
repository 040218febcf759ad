import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { TidemarkError } from '@tidemark/core';
import { ClientTls, type NbdClientTls, type NbdServerTls, ServerTls } from '@tidemark/nbd';
import { listenOnPort, listenOnSocket } from '@tidemark/unix-socket';

/** Where one daemon waits for another one. */
export type HandOverAddress =
  | { readonly type: 'unix'; readonly path: string }
  | { readonly type: 'inet'; readonly host: string; readonly port: number };

/** Waits for sources, and hands on those that have proven who they are. */
export interface Listening {
  /** With the port that the system chose. */
  readonly address: HandOverAddress;
  close(): Promise<void>;
}

/** Milliseconds. */
const TLS_TIMEOUT = 10_000;

/**
 * `welcome` gets each that comes; the log hears of those that are turned away.
 * @throws USAGE: an address of the net without TLS; as `listenOnSocket`
 */
export async function listenForSource(
  address: HandOverAddress,
  tls: NbdServerTls | undefined,
  {
    welcome,
    log,
  }: { readonly welcome: (socket: Socket) => void; readonly log: (m: string) => void },
): Promise<Listening> {
  refuseOpenNet(address, tls !== undefined);
  const credentials = tls && (await ServerTls.load(tls));
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // A broken connection closes; who reads it is told.
    socket.on('error', () => {});
    secured(socket, credentials).then(welcome, (error: unknown) => {
      socket.destroy();
      log(`a hand-over is turned away: ${String(error)}`);
    });
  });
  const bound = await bind(server, address);
  const close = async () => {
    const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return { address: bound, close };
}

/** @throws USAGE: an address of the net without TLS; CONNECTION_LOST, PERMISSION_DENIED */
export async function connectToTarget(
  address: HandOverAddress,
  tls: NbdClientTls | undefined,
): Promise<Socket> {
  refuseOpenNet(address, tls !== undefined);
  const credentials = tls && (await ClientTls.load(tls));
  const socket = address.type === 'unix' ? connect(address.path) : connect(address);
  socket.setTimeout(TLS_TIMEOUT, () => socket.destroy(new Error('nobody answers')));
  try {
    await once(socket, 'connect');
    const ready = credentials === undefined ? socket : await credentials.secure(socket);
    socket.setTimeout(0);
    socket.on('error', () => {});
    return ready;
  } catch (error) {
    socket.destroy();
    if (error instanceof TidemarkError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    const hint = 'tell the other daemon first to expect the drive, and check the address';
    const text = `no daemon waits for the drive: ${why}`;
    throw new TidemarkError('CONNECTION_LOST', text, { hint }, error);
  }
}

async function secured(socket: Socket, credentials: ServerTls | undefined): Promise<Socket> {
  if (credentials === undefined) return socket;
  const timer = setTimeout(() => socket.destroy(), TLS_TIMEOUT).unref();
  try {
    return (await credentials.secure(socket)).socket;
  } finally {
    clearTimeout(timer);
  }
}

async function bind(server: Server, address: HandOverAddress): Promise<HandOverAddress> {
  if (address.type === 'unix') {
    await listenOnSocket(server, address.path);
    return address;
  }
  return { ...address, port: await listenOnPort(server, address) };
}

/** Whoever reaches it could take a drive, or give one. */
function refuseOpenNet({ type }: HandOverAddress, isSecure: boolean): void {
  if (type === 'unix' || isSecure) return;
  throw new TidemarkError('USAGE', 'a hand-over over TCP needs TLS', {
    hint: "add 'tls-creds' with the id of an --object tls-creds-x509 or tls-creds-psk",
  });
}
