import { once } from 'node:events';
import type { Server } from 'node:net';
import { listenFailed } from './listen-failed.ts';

/** Where `listenOnPort` listens. */
export interface Port {
  /** What the system is asked for; who may reach it is the caller's to decide. */
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** How messages name the host. Default: as it is. */
  readonly label?: string;
}

/**
 * Listens on a port. @returns the port that the system chose
 * @throws LOCKED (somebody listens), PERMISSION_DENIED, IO_FAILED
 */
export async function listenOnPort(
  server: Server,
  { host, port, label = host }: Port,
): Promise<number> {
  try {
    server.listen({ host, port });
    await once(server, 'listening');
  } catch (error) {
    throw listenFailed(`${label}:${port}`, error);
  }
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : port;
}
