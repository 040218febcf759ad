import { once } from 'node:events';
import { startNbdServer } from '@tidemark/nbd';
import { openPoint, openPointDevice } from '@tidemark/repository';
import { TidemarkError } from '@tidemark/core';
import type { RepositoryFlags } from './flags.ts';
import { splitPlace, withRepository } from './open-place.ts';

interface ServeFlags extends RepositoryFlags {
  readonly driveId?: string;
  readonly socket?: string;
  readonly port?: number;
  readonly name?: string;
  readonly log: (message: string) => void;
}

const DEFAULT_PORT = 10_809;

/** Serves until a signal comes. */
export async function servePoint(text: string, flags: ServeFlags): Promise<void> {
  const { driveId, socket, port, name = '', log } = flags;
  if (socket !== undefined && port !== undefined) {
    const hint = 'leave one of them out';
    throw new TidemarkError('USAGE', '--socket and --port are two places to listen', { hint });
  }
  const { place, point: wanted } = splitPlace(text);
  await withRepository(place, flags, async (repository) => {
    const point = await openPoint(repository, { point: wanted, drive: driveId });
    await using device = await openPointDevice(repository, point);
    const address =
      socket === undefined
        ? ({ type: 'inet', host: '127.0.0.1', port: port ?? DEFAULT_PORT } as const)
        : ({ type: 'unix', path: socket } as const);
    const server = await startNbdServer({ address, exports: [{ name, device }], log });
    log(`serving ${device.label} on ${socket ?? `port ${port ?? DEFAULT_PORT}`}`);
    try {
      await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
    } finally {
      await server.close();
    }
  });
}
