import { createServer } from 'node:net';
import { ServerCredentials } from '@grpc/grpc-js';
import { listenOnSocket } from '@tidemark/unix-socket';
import { createGrpcServer, type GrpcServerOptions } from './create-grpc-server.ts';
import type { SnapshotSource } from './snapshot-source.ts';

/** What `serveCsiMetadata` tells of, and where. */
export interface CsiMetadataOptions {
  readonly source: SnapshotSource;
  /** Path of the unix socket: who may connect to it may ask. */
  readonly socket: string;
  /** Of the socket, as of a file. Default: as the umask has it. */
  readonly mode?: number | undefined;
  /** CSI's name of the plugin: a domain name of at most 63 characters. Default `tidemark`. */
  readonly name?: string | undefined;
  /** Default `0`. */
  readonly version?: string | undefined;
  /** Hears of failures that clients are told nothing of, in a sentence. */
  readonly log?: GrpcServerOptions['log'] | undefined;
}

/** The service while it runs. */
export interface CsiMetadataServer extends AsyncDisposable {
  /** Ends what is being answered. Idempotent. */
  close(): Promise<void>;
}

const MAX_CLIENTS = 32;

/**
 * Serves CSI's SnapshotMetadata, and the Identity service that tells of it. @throws as `listenOnSocket`
 */
export async function serveCsiMetadata({
  source,
  socket,
  mode,
  name = 'tidemark',
  version = '0',
  log = () => {},
}: CsiMetadataOptions): Promise<CsiMetadataServer> {
  const grpc = createGrpcServer({ source, name, version, log });
  const connections = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  // Ours listens: it takes the place of a socket that a crash has left, and of nothing else.
  const server = createServer((connection) => {
    connection.on('error', () => {});
    connections.injectConnection(connection);
  });
  server.maxConnections = MAX_CLIENTS;
  try {
    await listenOnSocket(server, socket, mode === undefined ? {} : { mode });
  } catch (error) {
    grpc.forceShutdown();
    throw error;
  }
  let closing: Promise<void> | undefined;
  const close = () =>
    (closing ??= new Promise<void>((resolve) => {
      server.close(() => resolve());
      connections.destroy();
      grpc.forceShutdown();
    }));
  return { close, [Symbol.asyncDispose]: close };
}
