import type { BlockDevice } from '@tidemark/block';
import type { BackupBitmap, DriveIdentity } from '@tidemark/backup';
import { type ByteRange, dirtyRanges } from '@tidemark/backup/parts';
import type { PointBitmap } from '../format/manifest.ts';
import type { RepositoryPlan } from './plan.ts';

/** One of the drives of a backup. */
export interface DriveToBackUp {
  /** Must not change meanwhile: the backup is as consistent as what it reads. Stays open. */
  readonly source: BlockDevice;
  readonly drive: DriveIdentity;
  readonly bitmap?: BackupBitmap | undefined;
  /** When the content was so. Default: now. */
  readonly created?: Date | undefined;
  /** The bitmap stays as it is, so that the next backup has all of this one too. Default false. */
  readonly differential?: boolean | undefined;
}

export interface Task extends DriveToBackUp {
  readonly plan: RepositoryPlan;
  /** The bitmap that begins anew at the point. */
  readonly next: PointBitmap | null;
  /** The same for all drives of one checkpoint. */
  readonly set: string | null;
}

/** What is looked at: whole granules, ascending. */
export function partsOf({ source, bitmap, plan }: Task): Iterable<ByteRange> {
  const drive = { size: source.size, granularity: plan.granularity };
  if (bitmap !== undefined && plan.parent !== undefined) return dirtyRanges(bitmap.content, drive);
  return drive.size === 0 ? [] : [{ offset: 0, length: drive.size }];
}

export function hasParts(task: Task): boolean {
  for (const _ of partsOf(task)) return true;
  return false;
}
