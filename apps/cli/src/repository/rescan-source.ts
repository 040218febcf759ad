import { TidemarkError } from '@tidemark/core';
import { digestsForBitmap, planPoint } from '@tidemark/repository';
import { idOf } from '../back-up.ts';
import type { RescanOptions, RescanSource } from '../rescan-drive.ts';
import { withRepository } from './open-place.ts';

/** The digests of a restore point in a repository, which is open while `work` runs. */
export async function withDigests<T>(
  path: string,
  place: string,
  options: RescanOptions,
  work: (find: (size: number) => Promise<RescanSource>) => Promise<T>,
): Promise<T> {
  const { bitmap, point, driveId } = options;
  return withRepository(place, options, async (repository) =>
    work(async (size) => {
      const drive = { id: driveId ?? (await idOf(path)) };
      const digests = await digestsForBitmap(repository, { drive, bitmap, point });
      const { granularity } = digests.bitmap;
      const { checkpoint } = digests;
      const planned = { name: bitmap, content: { diskSize: size, granularity }, checkpoint };
      const root = await repository.readRoot();
      const plan = await planPoint(repository, root, { drive, size, bitmap: planned });
      if (plan.parent === undefined) throw inVain(repository.label, bitmap, plan.reason);
      return { ...digests, point: String(digests.point.number) };
    }),
  );
}

function inVain(where: string, bitmap: string, reason: string): TidemarkError {
  const text = `a rescan of bitmap '${bitmap}' is in vain, the next backup is full: ${reason}`;
  const hint = 'make that full backup, and the bitmap begins anew with it';
  return new TidemarkError('BACKUP_PARENT_MISMATCH', text, { where, bitmap, hint });
}
