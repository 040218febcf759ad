import { isTidemarkError, TidemarkError } from '@tidemark/core';
import { throwIfCancelled } from '@tidemark/backup/parts';
import { BlobReader } from '../blobs/blob-reader.ts';
import { sizesById } from '../blobs/load-index.ts';
import { toHex } from '../format/digest.ts';
import { PACKS_PREFIX } from '../format/object-keys.ts';
import { walkMap } from '../map/map-reader.ts';
import { allPoints, type NamedPoint, openPoint } from '../points.ts';
import type { Repository } from '../repository.ts';
import { digestsIn } from '../use/point-device.ts';
import { checkMap, mapOf } from '../use/map-of-point.ts';
import type { ByteRangeOfDrive } from '../use/restore.ts';
import { checkPack } from './check-pack.ts';

const MAX_RANGES = 1000;

/** What `checkRepository` reads. */
export interface CheckOptions {
  readonly repository: Repository;
  /** Reads all packs. Without it: whether they are there, and what points and indexes say. */
  readonly readData: boolean;
  readonly onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Something that is missing or damaged in a repository. */
export interface CheckProblem {
  /** Absent: it is of no point. */
  readonly point?: NamedPoint;
  readonly error: TidemarkError;
  /** Where the drive of the point cannot be restored, for the first 1000. */
  readonly ranges: readonly ByteRangeOfDrive[];
}

/** What `checkRepository` found. */
export interface CheckReport {
  readonly points: readonly NamedPoint[];
  readonly packs: number;
  readonly blobs: number;
  /** Bytes of packs that were read. */
  readonly readBytes: number;
  /** Packs that no index tells of: a backup that was killed leaves them, a prune removes them. */
  readonly unindexed: number;
  /** Empty: every point can be restored. */
  readonly problems: readonly CheckProblem[];
}

/**
 * Whether every point can be restored. Damage is reported, not thrown.
 * @throws CANCELLED, and what the store throws
 */
export async function checkRepository(options: CheckOptions): Promise<CheckReport> {
  const { repository, readData } = options;
  repository.forgetIndex();
  const root = await repository.readRoot();
  const { blobs, problems: found } = await repository.index();
  const sizes = await sizesById(repository.store, PACKS_PREFIX);
  const problems: CheckProblem[] = [];
  const report = (error: unknown, point?: NamedPoint, ranges: readonly ByteRangeOfDrive[] = []) => {
    if (!isDamage(error)) throw error;
    problems.push({ error, ranges, ...(point && { point }) });
  };
  for (const error of found) report(error);
  const damaged = new Set<string>();
  const readBytes = readData ? await readPacks(options, sizes, damaged, report) : 0;
  const points = allPoints(root);
  for (const point of points) await checkPoint(options, point, damaged, report);
  const known = new Set(blobs.packs);
  const unindexed = [...sizes.keys()].filter((id) => !known.has(id)).length;
  return { points, packs: sizes.size, blobs: blobs.size, readBytes, unindexed, problems };
}

type Report = (error: unknown, point?: NamedPoint, ranges?: readonly ByteRangeOfDrive[]) => void;

function isDamage(error: unknown): error is TidemarkError {
  return (
    isTidemarkError(error, 'BACKUP_CORRUPT') || isTidemarkError(error, 'BACKUP_PARENT_MISMATCH')
  );
}

async function readPacks(
  { repository, onProgress, signal }: CheckOptions,
  sizes: ReadonlyMap<string, number>,
  damaged: Set<string>,
  report: Report,
): Promise<number> {
  const { blobs } = await repository.index();
  const known = new Set(blobs.packs);
  let total = 0;
  for (const [id, size] of sizes) if (known.has(id)) total += size;
  let done = 0;
  for (const [id, size] of sizes) {
    if (!known.has(id)) continue;
    throwIfCancelled(signal);
    for (const { digest, error } of await checkPack(repository, id, size)) {
      report(error);
      damaged.add(toHex(digest));
    }
    done += size;
    onProgress?.({ done, total });
  }
  return total;
}

async function checkPoint(
  { repository, signal }: CheckOptions,
  named: NamedPoint,
  damaged: ReadonlySet<string>,
  report: Report,
): Promise<void> {
  throwIfCancelled(signal);
  const { blobs } = await repository.index();
  const reader = new BlobReader(repository.store, repository.sealer, blobs);
  try {
    const { manifest } = await openPoint(repository, { drive: named.drive.id, point: named.id });
    await checkMap(manifest, reader);
    if (damaged.size === 0) return;
    const { granularity, drive } = manifest;
    const ranges: ByteRangeOfDrive[] = [];
    for await (const { first, digests = new Uint8Array(0) } of walkMap(mapOf(manifest, reader))) {
      digestsIn(digests).forEach((digest, index) => {
        if (!damaged.has(toHex(digest)) || ranges.length === MAX_RANGES) return;
        const offset = (first + index) * granularity;
        ranges.push({ offset, length: Math.min(granularity, drive.size - offset) });
      });
    }
    if (ranges.length > 0) report(lost(named), named, ranges);
  } catch (error) {
    report(error, named);
  }
}

function lost({ number, drive }: NamedPoint): TidemarkError {
  const text = `restore point ${number} of '${drive.label}' has damaged blocks`;
  const hint =
    'remove the damaged pack, and make a full backup: it stores anew what the drive still has';
  return new TidemarkError('BACKUP_CORRUPT', text, { hint });
}
