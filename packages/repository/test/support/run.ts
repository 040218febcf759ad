import { MemoryDevice } from '@tidemark/block';
import { type ObjectStore } from '@tidemark/object-store';
import {
  type BackedUpDrive,
  backUpDrives,
  openPoint,
  type Repository,
  type RepositoryBackupOptions,
  restorePoint,
} from '../../src/index.ts';
import { contentOf, type TestDrive } from './drives.ts';

type Options = Partial<Omit<RepositoryBackupOptions, 'repository' | 'drives'>>;

/** A backup of one drive by its bitmap. */
export async function backUp(
  repository: Repository,
  drive: TestDrive,
  options: Options & { readonly differential?: boolean } = {},
): Promise<BackedUpDrive> {
  const { differential, ...rest } = options;
  const [point] = await backUpDrives({
    repository,
    drives: [
      {
        source: drive.device,
        drive: drive.identity,
        bitmap: drive.followed(),
        ...(differential !== undefined && { differential }),
      },
    ],
    ...rest,
  });
  return point!;
}

/** The drive as it was at a restore point. */
export async function restored(
  repository: Repository,
  choice: { readonly point: string; readonly drive?: string },
): Promise<Buffer> {
  const point = await openPoint(repository, choice);
  const target = new MemoryDevice({ size: point.manifest.drive.size });
  await restorePoint({ repository, point, target, targetIsZero: true });
  return contentOf(target);
}

export async function keysIn(store: ObjectStore, prefix = ''): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys.toSorted();
}
