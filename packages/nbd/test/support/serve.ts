import { join } from 'node:path';
import { afterEach } from 'vitest';
import { tempDir } from '../../../../tools/qemu.ts';
import { type NbdExport, type NbdServer, startNbdServer } from '../../src/index.ts';
import { type EnterOptions, RawClient } from './raw-client.ts';

export interface Served {
  readonly path: string;
  readonly server: NbdServer;
  /** What the server said about what went wrong. */
  readonly log: string[];
  /** A client of the export, ready for requests. */
  readonly enter: (options?: EnterOptions) => Promise<RawClient>;
  readonly connect: () => Promise<RawClient>;
}

/** For a test file: serves exports on a socket of their own; the end of the test ends it all. */
export function useServers(): (
  ...exports: readonly (Partial<NbdExport> & Pick<NbdExport, 'device'>)[]
) => Promise<Served> {
  const dir = tempDir();
  let count = 0;
  const ends: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end();
  });
  return async (...exports) => {
    const path = join(dir, `socket-${count++}`);
    const log: string[] = [];
    const server = await startNbdServer({
      address: { type: 'unix', path },
      exports: exports.map((exported) => ({ name: 'exp', ...exported })),
      log: (message) => void log.push(message),
    });
    ends.push(() => server.close());
    const closing = (client: RawClient) => {
      ends.push(() => client.close());
      return client;
    };
    return {
      path,
      server,
      log,
      enter: async (options) => closing(await RawClient.enter(path, options)),
      connect: async () => closing(await RawClient.connect(path)),
    };
  };
}
