import { RepositorySnapshots, serveCsiMetadata } from '@tidemark/csi-metadata';
import { DirectoryObjectStore } from '@tidemark/object-store';
import { packageVersion } from '@tidemark/program';
import { openRepository } from '@tidemark/repository';
import type { CsiMetadataConfig } from '../config/other-apis-schema.ts';
import type { ApiServer } from '../configured/other-apis.ts';

/**
 * @throws BACKUP_NOT_FOUND: there is no repository; PERMISSION_DENIED: it is encrypted; as
 *   `serveCsiMetadata`
 */
export async function serveCsi(
  config: CsiMetadataConfig,
  log: (message: string) => void,
): Promise<ApiServer> {
  const { listen, name } = config;
  let { repository: path } = config;
  let current = await openSnapshots(path);
  const server = await serveCsiMetadata({
    source: {
      allocated: (id) => current.allocated(id),
      delta: (base, target) => current.delta(base, target),
    },
    socket: listen.unix,
    mode: listen.mode,
    name,
    version: packageVersion(import.meta.url),
    log,
  });
  return {
    address: `unix:${listen.unix}`,
    async takes({ 'csi-metadata': next }) {
      if (next?.listen.unix !== listen.unix || next.name !== name) return undefined;
      const wanted = next.repository;
      const opened = wanted === path ? current : await openSnapshots(wanted);
      return () => {
        path = wanted;
        current = opened;
      };
    },
    close: () => server.close(),
  };
}

/** A store in a folder keeps nothing open. */
async function openSnapshots(path: string): Promise<RepositorySnapshots> {
  return new RepositorySnapshots(await openRepository(new DirectoryObjectStore(path)));
}
