import { randomBytes } from 'node:crypto';
import type { BlockDevice } from '@tidemark/block';
import { type DirtyBitmap, isTidemarkError, TidemarkError } from '@tidemark/core';
import { throwIfCancelled } from './cancel.ts';
import { BackupDirectory } from './chain/backup-directory.ts';
import { type DirectoryLock, lockDirectory } from './files/directory-lock.ts';
import { type FileSystem, withErrorCodes } from './files/file-system.ts';
import { makeDirectory } from './files/whole-files.ts';
import type { Granules } from './format/granules.ts';
import type { DriveIdentity, Manifest, PointReference } from './format/manifest.ts';
import { formatPointName } from './format/names.ts';
import { type ByteRange, knownRuns, type CopyRange, dirtyRanges } from './make/copy-ranges.ts';
import { type BackupPlan, decide } from './make/plan.ts';
import { type Piece, readAhead } from './make/read-ahead.ts';
import { removeLeftovers, writeRestorePoint } from './make/restore-point.ts';
import { checkIdentity } from './make/identity.ts';

/** A bitmap that a backup follows and starts anew. */
export interface BackupBitmap {
  readonly name: string;
  /** A copy that nothing changes any more. It belongs to the same instant as the source. */
  readonly content: DirtyBitmap;
  /** The instant since which it records, as the last `onDurable` named it; see `BitmapInfo`. */
  readonly checkpoint?: string | undefined;
  /** Why that is not known, as `BitmapInfo` has it. */
  readonly checkpointLost?: string | undefined;
  /** Why no increment can stand on it: a sentence. */
  readonly whyFull?: string | undefined;
  /** The bitmap that begins at the restore point. Default: this one. */
  readonly successor?: BitmapSuccessor | undefined;
  /**
   * Starts the bitmap anew, durably: all of `content` is clean then, what was written since stays
   * dirty. In the same step `checkpoint` becomes the bitmap's. Called once, after the restore
   * point is durable and the source is flushed, else never.
   */
  readonly onDurable: (checkpoint: string) => Promise<void>;
}

/** A bitmap that takes the place of another one. */
export interface BitmapSuccessor {
  readonly nameAt: (checkpoint: string) => string;
  /** Bytes. */
  readonly granularity: number;
}

/** Bytes of the drive. */
export interface BackupProgress {
  readonly done: number;
  readonly total: number;
  /** Of `done`, those that had to be read. */
  readonly read: number;
}

/** What `backup` copies, and where to. */
export interface BackupOptions {
  /** Must not change meanwhile: the backup is as consistent as what it reads. Stays open. */
  readonly source: BlockDevice;
  /** The backup directory, of this drive alone. Made where it is missing. */
  readonly target: string;
  readonly drive: DriveIdentity;
  readonly bitmap?: BackupBitmap | undefined;
  /** `full`: full, whatever could be. Default `auto`. */
  readonly mode?: 'auto' | 'full' | undefined;
  /**
   * Bytes of a granule, a power of two from 4 KiB to 1 MiB. Default: that of the chain which is
   * continued, else the bitmap's within these bounds, else 64 KiB.
   */
  readonly granularity?: number | undefined;
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default node:fs/promises. */
  readonly fs?: FileSystem | undefined;
}

/** The restore point that `backup` made. */
export interface BackupResult extends PointReference {
  readonly manifest: Manifest;
  /** Bytes that had to be read from the source. */
  readonly bytesRead: number;
}

/**
 * Adds a restore point to a directory: an increment where the directory and the bitmap prove that
 * it is right, else a full one; the manifest says why. Whatever fails before the point is durable
 * leaves directory and bitmap as they were.
 * @throws BACKUP_DRIVE_MISMATCH, LOCKED, BITMAP_INVALID, USAGE, CANCELLED, and what files and the
 *   source throw; with a hint that says so when only starting the bitmap anew has failed
 */
export async function backup(options: BackupOptions): Promise<BackupResult> {
  checkIdentity(options.drive, options.bitmap?.name);
  throwIfCancelled(options.signal);
  const directory = new BackupDirectory(options.target, withErrorCodes(options.fs));
  const planOptions = { ...options, size: options.source.size };
  // Refusals come before anything is written, be it a lock.
  await decide(directory, planOptions);
  await makeDirectory(directory.fs, directory.path);
  const lock = await lockDirectory(directory.fs, directory.path);
  try {
    const plan = await decide(directory, planOptions);
    await removeLeftovers(directory.fs, directory.path);
    const result = await copy(options, directory, plan, lock);
    await restartBitmap(options, result.manifest);
    return result;
  } finally {
    await lock.release();
  }
}

async function copy(
  options: BackupOptions,
  directory: BackupDirectory,
  plan: BackupPlan,
  lock: DirectoryLock,
): Promise<BackupResult> {
  const { source, bitmap, signal } = options;
  const drive: Granules = { size: source.size, granularity: plan.granularity };
  const parts = () =>
    bitmap !== undefined && plan.kind === 'incremental'
      ? dirtyRanges(bitmap.content, drive)
      : [{ offset: 0, length: drive.size }];
  const meter = new Meter(parts(), options.onProgress);
  const pieces = readAhead(source, rangesToCopy(source, parts(), drive), signal);
  const name = formatPointName(plan);
  const point = await writeRestorePoint(
    {
      fs: directory.fs,
      directory: directory.path,
      name,
      drive,
      lock,
      manifest: describePoint(options, plan, name),
    },
    meter.count(pieces),
  );
  return { ...point, bytesRead: meter.read };
}

async function* rangesToCopy(
  source: BlockDevice,
  parts: Iterable<ByteRange>,
  drive: Granules,
): AsyncGenerator<CopyRange> {
  for await (const runs of knownRuns(source, parts, drive)) yield* runs;
}

function describePoint(
  { source, drive, bitmap }: BackupOptions,
  plan: BackupPlan,
  name: string,
): Omit<Manifest, 'files' | 'totals'> {
  return {
    point: name,
    created: new Date().toISOString(),
    kind: plan.kind,
    reason: plan.reason,
    parent: plan.parent,
    drive: { id: drive.id, label: drive.label, format: drive.format, size: source.size },
    granularity: plan.granularity,
    bitmap: bitmap ? describeBitmap(bitmap) : null,
  };
}

function describeBitmap({ name, content, successor }: BackupBitmap): Manifest['bitmap'] {
  const checkpoint = randomBytes(16).toString('hex');
  return successor === undefined
    ? { name, granularity: content.granularity, checkpoint }
    : { name: successor.nameAt(checkpoint), granularity: successor.granularity, checkpoint };
}

/** Counts pieces as they pass. */
class Meter {
  readonly #total: number;
  readonly #report: ((progress: BackupProgress) => void) | undefined;
  #done = 0;
  read = 0;

  constructor(parts: Iterable<ByteRange>, report?: (progress: BackupProgress) => void) {
    let total = 0;
    for (const { length } of parts) total += length;
    this.#total = total;
    this.#report = report;
  }

  async *count(pieces: AsyncIterable<Piece>): AsyncGenerator<Piece> {
    for await (const piece of pieces) {
      yield piece;
      this.#done += piece.length;
      if (!piece.zero) this.read += piece.length;
      this.#report?.({ done: this.#done, total: this.#total, read: this.read });
    }
  }
}

/**
 * The source is flushed first: what was copied may have been in its cache only, and after a power
 * cut a cleared bitmap would call older content equal to the backup.
 */
async function restartBitmap(
  options: BackupOptions,
  { point, ...manifest }: Manifest,
): Promise<void> {
  const { source, bitmap } = options;
  if (bitmap === undefined || manifest.bitmap === null) return;
  try {
    await source.flush();
    await bitmap.onDurable(manifest.bitmap.checkpoint);
  } catch (cause) {
    const code = isTidemarkError(cause) ? cause.code : 'IO_FAILED';
    throw new TidemarkError(
      code,
      `restore point '${point}' is complete, but bitmap '${bitmap.name}' did not begin anew`,
      { bitmap: bitmap.name, hint: 'run the backup again: it copies more than needed, no less' },
      cause,
    );
  }
}
