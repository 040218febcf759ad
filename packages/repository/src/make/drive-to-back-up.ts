import type { BlockDevice } from '@tidemark/block';
import type { DirtyBitmap } from '@tidemark/core';
import type { BackupBitmap, DriveIdentity } from '@tidemark/backup';
import { type ByteRange, dirtyRanges } from '@tidemark/backup/parts';
import type { PointBitmap } from '../format/manifest.ts';
import type { RepositoryPlan } from './plan.ts';

/** A backup that was cut off, and what has been written since. */
export interface EarlierTry {
  /** The instant of that backup, with which its bitmap began. */
  readonly checkpoint: string;
  /** What that bitmap calls dirty. It has to have missed no write since. */
  readonly changed: DirtyBitmap;
}

/** Lets a backup that is cut off be gone on with, without reading again what it has stored. */
export interface Resumable {
  /**
   * Begins a bitmap at a checkpoint, durably, which is to be handed in as an `EarlierTry` should this
   * backup be cut off; with that bitmap another one begins in vain. Called when much was read, and the
   * source flushed behind that. `reliedOn`: checkpoint of the try that is gone on with.
   */
  readonly begin: (checkpoint: string, reliedOn: string | undefined) => Promise<void>;
  readonly earlier: readonly EarlierTry[];
  /** Bytes that are read before a record is made of them. Default 128 MiB. */
  readonly step?: number;
}

/** What of a drive a backup needs. */
export type DriveSource = Pick<
  BlockDevice,
  'label' | 'size' | 'read' | 'readNow' | 'extents' | 'flush'
>;

/** One of the drives of a backup. */
export interface DriveToBackUp {
  /** Must not change meanwhile: the backup is as consistent as what it reads. Stays open. */
  readonly source: DriveSource;
  readonly drive: DriveIdentity;
  readonly bitmap?: BackupBitmap | undefined;
  /** When the content was so. Default: now. */
  readonly created?: Date | undefined;
  /** The bitmap stays as it is, so that the next backup has all of this one too. Default false. */
  readonly differential?: boolean | undefined;
  /** Only with a bitmap that begins at the point. */
  readonly resumable?: Resumable | undefined;
}

export interface Task extends DriveToBackUp {
  readonly plan: RepositoryPlan;
  /** The bitmap that begins anew at the point. */
  readonly next: PointBitmap | null;
  /** A full backup that was asked for relies on nothing. */
  readonly readsAll: boolean;
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
