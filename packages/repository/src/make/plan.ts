import {
  checkGranularity,
  DEFAULT_GRANULARITY,
  MAX_GRANULARITY,
  MIN_GRANULARITY,
} from '@tidemark/backup/parts';
import type { PlannedBitmap } from '@tidemark/backup';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import type { PointManifest } from '../format/manifest.ts';
import type { Root, RootPoint } from '../format/root.ts';
import type { Repository } from '../repository.ts';

/** What `planPoint` decides by whether the next point can be incremental. */
export interface RepositoryPlanOptions {
  readonly drive: { readonly id: string };
  /** Bytes of the drive now. */
  readonly size: number;
  readonly bitmap?: PlannedBitmap | undefined;
  /** `full`: all of the drive is looked at, whatever could be left out. Default `auto`. */
  readonly mode?: 'auto' | 'full' | undefined;
  /** Bytes. Default: the parent's, else that of the drive's last point, else 64 KiB. */
  readonly granularity?: number | undefined;
}

/** The point that an increment stands on. */
interface PlannedParent {
  readonly id: string;
  readonly number: number;
  readonly manifest: PointManifest;
}

/** What a backup is going to be, and why. */
export interface RepositoryPlan {
  /** In words. */
  readonly reason: string;
  readonly granularity: number;
  /** Absent: it is full. */
  readonly parent?: PlannedParent;
}

/**
 * Decides what a backup would be; changes nothing. An increment stands on the point whose checkpoint
 * the bitmap has, and on no other. @throws BITMAP_INVALID, USAGE
 */
export async function planPoint(
  repository: Repository,
  root: Root,
  options: RepositoryPlanOptions,
): Promise<RepositoryPlan> {
  checkOptions(options);
  const points = root.drives.find(({ id }) => id === options.drive.id)?.points ?? [];
  const parent = await judge(repository, points, options);
  if (typeof parent !== 'string') {
    const { granularity } = parent.manifest;
    const reason = `bitmap '${options.bitmap!.name}' began anew at restore point ${parent.number}`;
    return { reason, granularity, parent };
  }
  const granularity = options.granularity ?? (await usualGranularity(repository, points, options));
  return { reason: parent, granularity };
}

function checkOptions({ granularity, bitmap, size }: RepositoryPlanOptions): void {
  if (granularity !== undefined) checkGranularity(granularity);
  if (bitmap === undefined || bitmap.content.diskSize === size) return;
  const reason = `it is of a drive of ${bitmap.content.diskSize} bytes, and this one has ${size}`;
  throw new TidemarkError('BITMAP_INVALID', `bitmap '${bitmap.name}' does not fit: ${reason}`, {
    bitmap: bitmap.name,
  });
}

async function judge(
  repository: Repository,
  points: readonly RootPoint[],
  { mode, bitmap, size, granularity }: RepositoryPlanOptions,
): Promise<PlannedParent | string> {
  if (points.length === 0) return 'first backup of this drive in this repository';
  if (mode === 'full') return 'a full backup was asked for';
  if (bitmap === undefined) return 'no bitmap was given';
  const found = bitmap.whyFull ?? findParent(points, bitmap);
  if (typeof found === 'string') return found;
  const manifest = await readOrWhyNot(repository, found);
  if (typeof manifest === 'string') return manifest;
  if (manifest.bitmap?.name !== bitmap.name || manifest.bitmap.checkpoint !== found.checkpoint) {
    return `restore point ${found.number} began another bitmap than '${bitmap.name}'`;
  }
  if (manifest.drive.size !== size) {
    return `the drive was resized from ${manifest.drive.size} to ${size} bytes`;
  }
  if (manifest.bitmap.granularity !== bitmap.content.granularity) {
    const change = `${manifest.bitmap.granularity} to ${bitmap.content.granularity}`;
    return `the granularity of bitmap '${bitmap.name}' changed from ${change} bytes`;
  }
  if (granularity !== undefined && granularity !== manifest.granularity) {
    return `granules of ${granularity} bytes were asked for, not ${manifest.granularity}`;
  }
  return { id: found.id, number: found.number, manifest };
}

function findParent(
  points: readonly RootPoint[],
  { name, checkpoint, checkpointLost }: PlannedBitmap,
): RootPoint | string {
  if (checkpoint === undefined) {
    const why = checkpointLost ?? 'it is new, or was cleared or switched off';
    return `bitmap '${name}' does not tell since when it records: ${why}`;
  }
  return (
    points.findLast((point) => point.checkpoint === checkpoint) ??
    `bitmap '${name}' began anew at no restore point that is here, but for another backup`
  );
}

async function readOrWhyNot(
  repository: Repository,
  { id, number }: RootPoint,
): Promise<PointManifest | string> {
  try {
    return await repository.readManifest(id);
  } catch (error) {
    if (!isTidemarkError(error, 'BACKUP_CORRUPT')) throw error;
    return `restore point ${number} cannot be used: ${error.message.slice(0, 1000)}`;
  }
}

/** What the drive's points have is kept, so that equal blocks are found; else by the bitmap. */
async function usualGranularity(
  repository: Repository,
  points: readonly RootPoint[],
  { bitmap }: RepositoryPlanOptions,
): Promise<number> {
  const last = points.at(-1);
  const manifest = last && (await readOrWhyNot(repository, last));
  if (manifest !== undefined && typeof manifest !== 'string') return manifest.granularity;
  const wanted = bitmap?.content.granularity ?? DEFAULT_GRANULARITY;
  return Math.min(MAX_GRANULARITY, Math.max(MIN_GRANULARITY, wanted));
}
