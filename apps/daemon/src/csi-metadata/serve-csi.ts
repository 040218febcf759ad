import { isDeepStrictEqual } from 'node:util';
import { serveCsiMetadata } from '@tidemark/csi-metadata';
import { packageVersion } from '@tidemark/program';
import type { CsiMetadataConfig } from '../config/other-apis-schema.ts';
import type { ApiServer } from '../configured/other-apis.ts';
import { openSnapshots, type RepositoryPlace } from './open-snapshots.ts';
import { SharedSnapshots } from './shared-snapshots.ts';

/** @throws as `openSnapshots` and `serveCsiMetadata` */
export async function serveCsi(
  config: CsiMetadataConfig,
  log: (message: string) => void,
): Promise<ApiServer> {
  const { listen, name } = config;
  let place = placeOf(config);
  let current = new SharedSnapshots(await openSnapshots(place));
  const server = await serveCsiMetadata({
    source: {
      allocated: (id) => current.use((points) => points.allocated(id)),
      delta: (base, target) => current.use((points) => points.delta(base, target)),
    },
    socket: listen.unix,
    mode: listen.mode,
    name,
    version: packageVersion(import.meta.url),
    log,
  }).catch(async (error: unknown) => {
    await current.close();
    throw error;
  });
  return {
    address: `unix:${listen.unix}`,
    async takes({ 'csi-metadata': next }) {
      if (next?.listen.unix !== listen.unix || next.name !== name) return undefined;
      const wanted = placeOf(next);
      if (isDeepStrictEqual(wanted, place)) return () => {};
      const opened = await openSnapshots(wanted);
      return () => {
        const old = current;
        place = wanted;
        current = new SharedSnapshots(opened);
        // When the calls that read from it are over.
        void old.closeUnused().catch((error: unknown) => log(`csi-metadata: ${String(error)}`));
      };
    },
    async close() {
      await server.close();
      await current.close();
    },
  };
}

function placeOf(config: CsiMetadataConfig): RepositoryPlace {
  const { repository, 'passphrase-file': passphraseFile, 'key-file': keyFile } = config;
  return {
    repository,
    ...(passphraseFile !== undefined && { 'passphrase-file': passphraseFile }),
    ...(keyFile !== undefined && { 'key-file': keyFile }),
  };
}
