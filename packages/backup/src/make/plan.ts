import { type DirtyBitmap, isTidemarkError, TidemarkError } from '@tidemark/core';
import { BackupDirectory, type RestorePoint, type SoundPoint } from '../chain/backup-directory.ts';
import { MAX_CHAIN_LENGTH } from '../chain/chain.ts';
import { type FileSystem, withErrorCodes } from '../files/file-system.ts';
import {
  checkGranularity,
  DEFAULT_GRANULARITY,
  MAX_GRANULARITY,
  MIN_GRANULARITY,
} from '../format/granules.ts';
import type { DriveIdentity, PointReference } from '../format/manifest.ts';
import { parsePointName, type PointKind } from '../format/names.ts';

/** A bitmap as a plan sees it. */
export interface PlannedBitmap {
  readonly name: string;
  readonly content: Pick<DirtyBitmap, 'diskSize' | 'granularity'>;
  /** Names the instant since which it records; absent where that is not known. */
  readonly checkpoint?: string | undefined;
  /** Why it is not known, where its store knows that: a clause. */
  readonly checkpointLost?: string | undefined;
  /** Why no increment can stand on it, whatever its checkpoint: a sentence. */
  readonly whyFull?: string | undefined;
}

/** What `planBackup` decides by whether the next backup can be incremental. */
export interface PlanOptions {
  /** The backup directory. */
  readonly target: string;
  /** Its id decides. */
  readonly drive: Pick<DriveIdentity, 'id'> & Partial<DriveIdentity>;
  /** Bytes of the drive now. */
  readonly size: number;
  readonly bitmap?: PlannedBitmap | undefined;
  /** `full`: full, whatever could be. Default `auto`. */
  readonly mode?: 'auto' | 'full' | undefined;
  /** Bytes; default: the chain's, else the bitmap's within bounds, else 64 KiB. */
  readonly granularity?: number | undefined;
  readonly fs?: FileSystem | undefined;
}

/** What a backup is going to be, and why. */
export interface BackupPlan {
  readonly kind: PointKind;
  /** In words, for people. */
  readonly reason: string;
  /** Number of the restore point to be. */
  readonly number: number;
  readonly granularity: number;
  readonly parent: PointReference | null;
}

/**
 * Decides what a backup would be, without a lock and without leaving a trace.
 * @throws BACKUP_DRIVE_MISMATCH, BITMAP_INVALID, USAGE
 */
export async function planBackup(options: PlanOptions): Promise<BackupPlan> {
  return await decide(new BackupDirectory(options.target, withErrorCodes(options.fs)), options);
}

export async function decide(
  directory: BackupDirectory,
  options: PlanOptions,
): Promise<BackupPlan> {
  checkOptions(options);
  const points = await listOrNothing(directory);
  refuseOtherDrive(directory.path, points, options.drive);
  const head = await directory.head();
  const numbers = [points.at(-1)?.number, head && parsePointName(head.point)?.number];
  const number = Math.max(...numbers.map((used) => used ?? 0)) + 1;
  const verdict = await judge(directory, points, head, options);
  if (typeof verdict !== 'string') {
    const { name, digest, manifest } = verdict;
    const reason = `bitmap '${options.bitmap!.name}' began anew at '${name}'`;
    const parent = { point: name, digest };
    return { kind: 'incremental', reason, number, granularity: manifest.granularity, parent };
  }
  const granularity = options.granularity ?? defaultGranularity(options.bitmap);
  return { kind: 'full', reason: verdict, number, granularity, parent: null };
}

function checkOptions({ granularity, bitmap, size }: PlanOptions): void {
  if (granularity !== undefined) checkGranularity(granularity);
  if (bitmap === undefined || bitmap.content.diskSize === size) return;
  const reason = `it is of a drive of ${bitmap.content.diskSize} bytes, and this one has ${size}`;
  throw new TidemarkError('BITMAP_INVALID', `bitmap '${bitmap.name}' does not fit: ${reason}`, {
    bitmap: bitmap.name,
  });
}

export async function listOrNothing(directory: BackupDirectory): Promise<readonly RestorePoint[]> {
  try {
    return await directory.list();
  } catch (error) {
    if (isTidemarkError(error, 'FILE_NOT_FOUND')) return [];
    throw error;
  }
}

function refuseOtherDrive(
  where: string,
  points: readonly RestorePoint[],
  drive: Pick<DriveIdentity, 'id'>,
): void {
  for (const point of points) {
    if ('problem' in point || point.manifest.drive.id === drive.id) continue;
    const other = point.manifest.drive;
    throw new TidemarkError(
      'BACKUP_DRIVE_MISMATCH',
      `'${where}' holds backups of another drive, '${other.id}', and not of '${drive.id}'`,
      {
        where,
        hint: 'give each drive a directory of its own; if it is the same drive, give its old id',
      },
    );
  }
}

/** The point that an increment may stand on, or why there is none. */
async function judge(
  directory: BackupDirectory,
  points: readonly RestorePoint[],
  head: PointReference | undefined,
  options: PlanOptions,
): Promise<SoundPoint | string> {
  const newest = points.at(-1);
  if (newest === undefined) return 'first backup in this directory';
  if (options.mode === 'full') return 'a full backup was asked for';
  if (options.bitmap === undefined) return 'no bitmap was given';
  if ('problem' in newest) {
    return `the last restore point '${newest.name}' is damaged: ${shorten(newest.problem)}`;
  }
  const parent =
    judgeHead(newest, head) ?? options.bitmap.whyFull ?? findParent(points, options.bitmap);
  if (typeof parent === 'string') return parent;
  return (
    judgeParent(parent, options.bitmap, options) ?? (await judgeChain(directory, parent)) ?? parent
  );
}

/**
 * The point at which the bitmap began, by the checkpoint that both of them keep. It is not always
 * the newest: a backup that was stopped after its point was durable did not begin the bitmap anew,
 * and a drive that was put back to an older state has an older bitmap with it.
 */
function findParent(
  points: readonly RestorePoint[],
  { name, checkpoint, checkpointLost }: PlannedBitmap,
): SoundPoint | string {
  if (checkpoint === undefined) {
    const why = checkpointLost ?? 'it is new, or was cleared or switched off';
    return `bitmap '${name}' does not tell since when it records: ${why}`;
  }
  for (const point of points.toReversed()) {
    if ('problem' in point || point.manifest.bitmap?.checkpoint !== checkpoint) continue;
    if (point.manifest.bitmap.name === name) return point;
  }
  return `bitmap '${name}' began anew at no restore point that is here, but for another backup`;
}

/**
 * A head older than the newest point is the trace of a backup that was stopped after its commit.
 */
function judgeHead(newest: SoundPoint, head: PointReference | undefined): string | undefined {
  const number = head && parsePointName(head.point)?.number;
  if (head === undefined || number === undefined) {
    return 'the directory does not tell which restore point was its last';
  }
  if (number > newest.number) return `the last restore point '${head.point}' is missing`;
  if (number === newest.number && head.digest !== newest.digest) {
    return `the last restore point '${newest.name}' was replaced`;
  }
  return undefined;
}

function judgeParent(
  { manifest }: SoundPoint,
  bitmap: PlannedBitmap,
  { size, granularity }: PlanOptions,
): string | undefined {
  if (manifest.drive.size !== size) {
    return `the drive was resized from ${manifest.drive.size} to ${size} bytes`;
  }
  const recorded = manifest.bitmap?.granularity;
  if (recorded !== bitmap.content.granularity) {
    const change = `${recorded} to ${bitmap.content.granularity}`;
    return `the granularity of bitmap '${bitmap.name}' changed from ${change} bytes`;
  }
  if (granularity !== undefined && granularity !== manifest.granularity) {
    return `granules of ${granularity} bytes were asked for, not ${manifest.granularity}`;
  }
  return undefined;
}

async function judgeChain(
  directory: BackupDirectory,
  { name }: SoundPoint,
): Promise<string | undefined> {
  try {
    const chain = await directory.readChain(name);
    if (chain.length < MAX_CHAIN_LENGTH) return undefined;
    return `the chain has ${chain.length} restore points, as many as it may`;
  } catch (error) {
    const isBroken =
      isTidemarkError(error, 'BACKUP_CORRUPT') || isTidemarkError(error, 'BACKUP_PARENT_MISMATCH');
    if (isBroken) return `the chain of '${name}' is broken: ${shorten(error)}`;
    throw error;
  }
}

// Paths may be long, and a manifest is not.
function shorten(error: Error): string {
  return error.message.slice(0, 1000);
}

/** An increment's granules are its bitmap's, where that is no extreme. */
function defaultGranularity(bitmap: PlannedBitmap | undefined): number {
  if (bitmap === undefined) return DEFAULT_GRANULARITY;
  return Math.min(MAX_GRANULARITY, Math.max(MIN_GRANULARITY, bitmap.content.granularity));
}
