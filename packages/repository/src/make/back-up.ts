import { randomBytes } from 'node:crypto';
import { checkIdentity, throwIfCancelled } from '@tidemark/backup/parts';
import type { PointBitmap, PointManifest } from '../format/manifest.ts';
import type { RootPoint } from '../format/root.ts';
import type { Repository } from '../repository.ts';
import { commitPoints, type PreparedPoint } from './commit-points.ts';
import type { DriveToBackUp, Task } from './drive-to-back-up.ts';
import { ChunkMemory } from './hashing/chunk-memory.ts';
import { Meter, type RepositoryBackupProgress } from './meter.ts';
import { planPoint } from './plan.ts';
import { preparePoint } from './prepare-point.ts';
import { RateLimit } from './rate-limit.ts';
import { restartBitmaps } from './restart-bitmaps.ts';
import { forgetTries } from './tries.ts';

/** What `backUpDrives` backs up, and where to. */
export interface RepositoryBackupOptions {
  readonly repository: Repository;
  /** Backed up as one checkpoint: their points are there together, or none is. */
  readonly drives: readonly DriveToBackUp[];
  /** `full`: all of each drive is looked at. Default `auto`. */
  readonly mode?: 'auto' | 'full' | undefined;
  /** Bytes; see `planPoint`. */
  readonly granularity?: number | undefined;
  /** Bytes a second that are read at most, on the whole. */
  readonly rate?: number | undefined;
  /** 32 hexadecimal digits: the instant of the drives, where it has a name already. Default: a new one. */
  readonly checkpoint?: string | undefined;
  /**
   * Begins the bitmaps of several drives anew, in one step; called in place of the `onDurable` of
   * each, with the checkpoint of all of them.
   */
  readonly onDurable?: ((checkpoint: string) => Promise<void>) | undefined;
  readonly onProgress?: ((progress: RepositoryBackupProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A restore point that is there. */
export interface BackedUpDrive extends RootPoint {
  readonly manifest: PointManifest;
}

/**
 * Adds a restore point of each drive: an increment where repository and bitmap prove that it is right,
 * else a full one; its manifest says why. Order: packs, their indexes and the manifests are durable;
 * the root names the points (the commit point); the sources are flushed; the bitmaps begin anew.
 * Whatever fails before the commit leaves bitmaps and points as they were.
 * @throws BITMAP_INVALID, USAGE, CANCELLED, BACKUP_PARENT_MISMATCH, LOCKED, and what store and
 *   sources throw; with a hint that says so when only beginning the bitmaps anew has failed
 */
export async function backUpDrives(
  options: RepositoryBackupOptions,
): Promise<readonly BackedUpDrive[]> {
  const { repository, signal } = options;
  const tasks = await planAll(options);
  const prepared = await prepareAll(options, tasks);
  throwIfCancelled(signal);
  const points = await commitPoints(repository, prepared);
  await restartBitmaps(tasks, options.onDurable);
  for (const task of tasks) await forgetTries(repository, task);
  return points.map((point, index) => ({ ...point, manifest: prepared[index]!.manifest }));
}

async function planAll(options: RepositoryBackupOptions): Promise<readonly Task[]> {
  const { repository, drives, signal, mode, granularity, checkpoint = newCheckpoint() } = options;
  for (const { drive, bitmap } of drives) checkIdentity(drive, bitmap?.name);
  if (new Set(drives.map(({ drive }) => drive.id)).size < drives.length) {
    throw new TypeError('a drive is named twice');
  }
  throwIfCancelled(signal);
  const root = await repository.readRoot();
  const set = drives.length > 1 ? checkpoint : null;
  const tasks: Task[] = [];
  for (const each of drives) {
    const { drive, bitmap, source } = each;
    const about = { drive, bitmap, size: source.size, mode, granularity };
    const plan = await planPoint(repository, root, about);
    tasks.push({
      ...each,
      plan,
      next: nextBitmap(each, checkpoint),
      readsAll: mode === 'full',
      set,
    });
  }
  return tasks;
}

function newCheckpoint(): string {
  return randomBytes(16).toString('hex');
}

/** All drives of a set have its id for their checkpoint. */
function nextBitmap(
  { bitmap, differential }: DriveToBackUp,
  checkpoint: string,
): PointBitmap | null {
  if (bitmap === undefined || differential === true) return null;
  const { name, content, successor } = bitmap;
  return successor === undefined
    ? { name, granularity: content.granularity, checkpoint }
    : { name: successor.nameAt(checkpoint), granularity: successor.granularity, checkpoint };
}

/** Without those of drives of which nobody knows how much there is. */
function bytesToRead(tasks: readonly Task[]): number {
  let bytes = 0;
  for (const { plan, bitmap } of tasks) {
    if (plan.parent !== undefined && bitmap !== undefined) bytes += bitmap.content.dirtyBytes;
  }
  return bytes;
}

async function prepareAll(
  { repository, rate, onProgress, signal }: RepositoryBackupOptions,
  tasks: readonly Task[],
): Promise<readonly PreparedPoint[]> {
  const limit = rate === undefined ? undefined : new RateLimit(rate);
  const meter = new Meter(tasks, onProgress);
  const memory = new ChunkMemory(repository.sealer, rate !== undefined);
  const options = { repository, memory, rate: limit, meter, signal };
  const prepared: PreparedPoint[] = [];
  try {
    memory.expect(bytesToRead(tasks));
    for (const task of tasks) prepared.push(await preparePoint(task, options));
    return prepared;
  } catch (error) {
    // It may tell of blobs that were never stored.
    repository.forgetIndex();
    throw error;
  } finally {
    await memory.close();
  }
}
