import { TidemarkError } from '@tidemark/core';
import { type BackupDirectory, openBackupDirectory } from '../chain/backup-directory.ts';
import { checkIndexes, composeChain } from '../chain/compose.ts';
import type { ChainLink } from '../chain/chain.ts';
import type { FileSystem } from '../files/file-system.ts';
import { granuleDigest } from '../format/granule-digest.ts';
import { DIGEST_SIZE } from '../format/index-file.ts';
import type { GranuleRun } from '../format/index-reader.ts';
import type { Manifest } from '../format/manifest.ts';
import { type BackupPlan, planBackup, type PlanOptions } from '../make/plan.ts';

/** What a drive held at a restore point, and by which bitmap what changed since is known. */
export interface PointDigests {
  readonly point: string;
  readonly bitmap: NonNullable<Manifest['bitmap']>;
  /** Names the instant of the point in a bitmap that records since then. */
  readonly checkpoint: string;
  /** Bytes of the drive. */
  readonly size: number;
  /** Bytes of a granule; the last one may be shorter. */
  readonly granularity: number;
  /** Bytes of a digest. */
  readonly digestSize: number;
  digest(content: Uint8Array): Uint8Array;
  /** The whole drive in order, without gaps. @throws BACKUP_CORRUPT: none of it counts */
  runs(): AsyncIterable<GranuleRun>;
}

/** Of `pointDigests`: which bitmap is to come back, and from which point. */
export interface PointDigestsOptions {
  /** The bitmap that began anew at the point. */
  readonly bitmap: string;
  /** Name or number of a restore point. Default: the newest that began the bitmap. */
  readonly point?: string | undefined;
  /** Default node:fs/promises. */
  readonly fs?: FileSystem | undefined;
}

/**
 * Reads the indexes of a restore point and of all that it stands on, each whole, before it says
 * anything: by the digests a bitmap that was lost can be brought back, with `checkpoint`.
 * @throws BACKUP_NOT_FOUND (also: no point began the bitmap), BITMAP_INVALID (the given one did
 *   not), BACKUP_CORRUPT, BACKUP_PARENT_MISMATCH, and what files throw
 */
export async function pointDigests(
  path: string,
  options: PointDigestsOptions,
): Promise<PointDigests> {
  const directory = await openBackupDirectory(path, { fs: options.fs });
  const chain = await directory.readChain(await findPoint(directory, options));
  const { bitmap, drive, granularity } = chain.at(-1)!.manifest;
  const { name } = chain.at(-1)!;
  if (bitmap?.name !== options.bitmap) throw otherBitmap(path, name, options.bitmap);
  await checkIndexes(directory.fs, chain);
  return {
    point: name,
    bitmap,
    checkpoint: bitmap.checkpoint,
    size: drive.size,
    granularity,
    digestSize: DIGEST_SIZE,
    digest: granuleDigest,
    runs: () => runsOf(directory, chain),
  };
}

async function* runsOf(
  { fs }: BackupDirectory,
  chain: readonly ChainLink[],
): AsyncGenerator<GranuleRun, void, undefined> {
  for await (const { run } of composeChain(fs, chain)) yield run;
  // An index whose newer ones say all was not read to its end, where its checksum is.
  await checkIndexes(fs, chain);
}

async function findPoint(
  directory: BackupDirectory,
  { point, bitmap }: PointDigestsOptions,
): Promise<string> {
  if (point !== undefined) return directory.resolve(point);
  const points = await directory.list();
  const found = points.findLast(
    (each) => !('problem' in each) && each.manifest.bitmap?.name === bitmap,
  );
  if (found !== undefined) return found.name;
  const text = `no restore point in '${directory.path}' began bitmap '${bitmap}'`;
  const hint = 'make a full backup by the bitmap: it has no point to come back to';
  throw new TidemarkError('BACKUP_NOT_FOUND', text, { where: directory.path, bitmap, hint });
}

/** Of `planRescan`: which bitmap is to come back, and from which point. */
export interface PlanRescanOptions extends Omit<PlanOptions, 'bitmap' | 'mode' | 'granularity'> {
  readonly bitmap: string;
  /** Name or number of a restore point. Default: the newest that began the bitmap. */
  readonly point?: string | undefined;
}

/**
 * As `pointDigests`, where the next backup by the bitmap is going to be an increment.
 * @throws as that; BACKUP_DRIVE_MISMATCH, BACKUP_PARENT_MISMATCH: the next backup is full anyhow
 */
export async function planRescan(options: PlanRescanOptions): Promise<PointDigests> {
  const { target, drive, size, fs, bitmap: name } = options;
  const digests = await pointDigests(target, { bitmap: name, point: options.point, fs });
  const { granularity, checkpoint } = digests.bitmap;
  const content = { diskSize: size, granularity };
  const plan = await planBackup({ target, drive, size, fs, bitmap: { name, content, checkpoint } });
  if (plan.kind === 'full') throw inVain(target, name, plan);
  return digests;
}

function otherBitmap(where: string, point: string, bitmap: string): TidemarkError {
  const text = `restore point '${point}' did not begin bitmap '${bitmap}'`;
  const hint = 'leave the point out to take the newest one that did';
  return new TidemarkError('BITMAP_INVALID', text, { where, bitmap, hint });
}

function inVain(where: string, bitmap: string, { reason }: BackupPlan): TidemarkError {
  const text = `a rescan of bitmap '${bitmap}' is in vain, the next backup is full: ${reason}`;
  const hint = 'make that full backup, and the bitmap begins anew with it';
  return new TidemarkError('BACKUP_PARENT_MISMATCH', text, { where, bitmap, hint });
}
