import type { Server } from 'node:net';
import { hostInUrl } from './host-in-url.ts';
import { listenOnPort } from './listen-on-port.ts';
import { listenOnSocket } from './listen-on-socket.ts';

/** A port, 0 for any that is free, or a unix socket; `mode`: who may connect to it, as of a file. */
export type ListenPlace =
  | { readonly host: string; readonly port: number }
  | { readonly unix: string; readonly mode?: number };

/**
 * Listens where a user says. @returns where that is, for people, with the port that the system chose
 * @throws as `listenOnSocket` and `listenOnPort`
 */
export async function listenAt(
  server: Server,
  place: ListenPlace,
  scheme: 'http' | 'https',
): Promise<string> {
  if ('unix' in place) {
    const { unix, mode } = place;
    await listenOnSocket(server, unix, mode === undefined ? {} : { mode });
    return `unix:${unix}`;
  }
  const port = await listenOnPort(server, place);
  return `${scheme}://${hostInUrl(place.host)}:${port}`;
}
