import type { Server } from 'node:net';
import { listenOnPort, listenOnSocket } from '@tidemark/unix-socket';
import type { ListenConfig } from './config/serving-schema.ts';

/**
 * Listens where a configuration says. @returns where that is, with the port that the system chose
 * @throws as `listenOnSocket`
 */
export async function listenOn(
  server: Server,
  listen: ListenConfig,
  scheme: 'http' | 'https',
): Promise<string> {
  if ('unix' in listen) {
    const { unix, mode } = listen;
    await listenOnSocket(server, unix, mode === undefined ? {} : { mode });
    return `unix:${unix}`;
  }
  const port = await listenOnPort(server, listen);
  return `${scheme}://${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${port}`;
}
