import {
  type BackedUpDrive,
  backUpDrives,
  type RepositoryBackupOptions,
} from '@tidemark/repository';
import { longWork } from '../long-work.ts';
import type { RepositoryBackupFlags } from './back-up-drives.ts';

/** Makes restore points of drives that are open, as the flags say, while a bar tells how far it is. */
export async function makePoints(
  backup: Pick<RepositoryBackupOptions, 'repository' | 'drives' | 'checkpoint' | 'onDurable'>,
  { full, granularity, rate }: RepositoryBackupFlags,
): Promise<readonly BackedUpDrive[]> {
  return longWork('backup', (signal, progress) =>
    backUpDrives({
      ...backup,
      mode: full ? 'full' : 'auto',
      granularity,
      rate,
      signal,
      onProgress: ({ done, total }) => progress.update(done, total),
    }),
  );
}
