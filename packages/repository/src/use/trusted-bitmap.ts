import { bitmapsToTrust, type OpenBitmapInfo } from '@tidemark/backup';
import { DirtyBitmap, isTidemarkError } from '@tidemark/core';
import { planPoint } from '../make/plan.ts';
import { type OpenPoint, openPoint } from '../points.ts';
import type { Repository } from '../repository.ts';
import { differences } from './differences.ts';
import type { RepositoryDigests } from './point-digests.ts';

/** A bitmap that proves what a drive holds wherever it is clean. */
export interface TrustedForRescan {
  /** As `TrackedDrive.rescan` takes it. */
  readonly trusted: {
    readonly name: string;
    readonly checkpoint: string | undefined;
    /** Where the point at which it began is not what the digests say. Absent: it is the same point. */
    readonly differing: DirtyBitmap | undefined;
  };
  /** Why, in words. */
  readonly reason: string;
}

/**
 * Of other bitmaps of a drive the one that tells most of what the drive holds: where it is clean, that is
 * what the point has at which it began, and two points are compared by their maps, be it an older or a
 * younger one. It is trusted where an increment could stand on its point, and by nothing less. `infos`:
 * what the open drive says. @throws what the store throws
 */
export async function trustedFor(
  repository: Repository,
  digests: RepositoryDigests,
  infos: readonly OpenBitmapInfo[],
): Promise<TrustedForRescan | undefined> {
  const { point: than, size, bitmap: wanted } = digests;
  const root = await repository.readRoot();
  for (const bitmap of bitmapsToTrust(infos, { ...wanted, diskSize: size })) {
    const { parent } = await planPoint(repository, root, { drive: than.drive, size, bitmap });
    if (parent === undefined || parent.manifest.granularity !== digests.granularity) continue;
    const isSame = parent.id === than.id;
    const differing = isSame ? undefined : await differenceOf(repository, than, parent.id);
    if (!isSame && differing === undefined) continue;
    const { name } = bitmap;
    // As the drive itself knows it: that of a chain may be in its name alone.
    const checkpoint = infos.find((info) => info.name === name)?.checkpoint;
    const reason = `it began at restore point ${parent.number}`;
    return { trusted: { name, checkpoint, differing }, reason };
  }
  return undefined;
}

/** Undefined: one of them is damaged. */
async function differenceOf(
  repository: Repository,
  than: OpenPoint,
  id: string,
): Promise<DirtyBitmap | undefined> {
  const { drive, granularity } = than.manifest;
  const differing = new DirtyBitmap(drive.size, granularity);
  try {
    const began = await openPoint(repository, { drive: than.drive.id, point: id });
    for await (const { offset, length } of differences(repository, began, than)) {
      differing.set(offset, length);
    }
  } catch (error) {
    const isDamaged =
      isTidemarkError(error, 'BACKUP_CORRUPT') || isTidemarkError(error, 'BACKUP_PARENT_MISMATCH');
    if (isDamaged) return undefined;
    throw error;
  }
  return differing;
}
