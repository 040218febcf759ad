import type { Server } from 'node:http';

/** Ends an HTTP server and its connections. Resolves when none is left; a second call is as the first. */
export async function hangUp(server: Pick<Server, 'close' | 'closeAllConnections'>): Promise<void> {
  // That it does not listen any more is what is wanted, too.
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
