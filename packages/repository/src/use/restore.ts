import type { BlockDevice } from '@tidemark/block';
import { runInFlight, throwIfCancelled, writeZeros } from '@tidemark/backup/parts';
import { TidemarkError } from '@tidemark/core';
import type { BlobReader } from '../blobs/blob-reader.ts';
import { DIGEST_SIZE } from '../format/limits.ts';
import { type MapRun, walkMap } from '../map/map-reader.ts';
import type { OpenPoint } from '../points.ts';
import type { Repository } from '../repository.ts';
import { checkMap, mapOf } from './map-of-point.ts';
import { digestsIn } from './point-device.ts';

const IN_FLIGHT = 8;
/** Bytes of one write; at least a granule. */
const PIECE_SIZE = 1024 * 1024;

/** Bytes of the drive. */
export interface ByteRangeOfDrive {
  readonly offset: number;
  readonly length: number;
}

/** What `restorePoint` writes, and where to. */
export interface RestorePointOptions {
  readonly repository: Repository;
  readonly point: OpenPoint;
  /** As large as what is restored. Flushed at the end, stays open. */
  readonly target: BlockDevice;
  /** Only this part of the drive, put at the target's beginning. Default: all of it. */
  readonly range?: ByteRangeOfDrive | undefined;
  /** The target reads as zeros, as a new image does: zeros are not written then. */
  readonly targetIsZero?: boolean | undefined;
  /** Reads everything twice: before anything is written, every digest has been checked. */
  readonly checkDataFirst?: boolean | undefined;
  readonly onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes the drive as it was. Its whole map is read first, and a block or a pack that is missing is
 * refused before anything is written. What fails its digest is never written, but found on the way it
 * leaves the target incomplete.
 * @throws BACKUP_CORRUPT, BACKUP_DRIVE_MISMATCH (the target's size), OUT_OF_RANGE, CANCELLED
 */
export async function restorePoint(
  options: RestorePointOptions,
): Promise<{ readonly bytesWritten: number }> {
  const { repository, point, target, signal } = options;
  const range = checkedRange(options);
  // What others have pruned or damaged since the index was loaded is to be seen.
  repository.forgetIndex();
  const reader = await repository.reader();
  await checkMap(point.manifest, reader);
  throwIfCancelled(signal);
  if (options.checkDataFirst === true) {
    await eachPiece(options, reader, range, async ({ digests }) => {
      if (digests !== undefined) await reader.readAll(digestsIn(digests));
    });
  }
  const bytesWritten = await write(options, reader, range);
  await target.flush();
  return { bytesWritten };
}

function checkedRange({ point, target, range }: RestorePointOptions): ByteRangeOfDrive {
  const { size } = point.manifest.drive;
  const { offset, length } = range ?? { offset: 0, length: size };
  const isInside = [offset, length].every((it) => Number.isSafeInteger(it) && it >= 0);
  if (!isInside || offset + length > size) {
    const text = `${length} bytes at ${offset} are not all on a drive of ${size} bytes`;
    throw new TidemarkError('OUT_OF_RANGE', text, { offset });
  }
  if (target.size === length) return { offset, length };
  throw new TidemarkError(
    'BACKUP_DRIVE_MISMATCH',
    `${target.label} has ${target.size} bytes, and ${length} are to be restored`,
    { where: target.label, hint: `make the target ${length} bytes large` },
  );
}

/** Runs over the range, several pieces at a time. */
async function eachPiece(
  { point, signal }: RestorePointOptions,
  reader: BlobReader,
  { offset, length }: ByteRangeOfDrive,
  visit: (piece: MapRun) => Promise<void>,
): Promise<void> {
  const { manifest } = point;
  const { granularity } = manifest;
  const part = {
    first: Math.floor(offset / granularity),
    end: length === 0 ? 0 : Math.ceil((offset + length) / granularity),
  };
  const runs = walkMap(mapOf(manifest, reader), part);
  await runInFlight(cutAll(runs, granularity), IN_FLIGHT, async (piece) => {
    throwIfCancelled(signal);
    await visit(piece);
  });
}

async function* cutAll(runs: AsyncIterable<MapRun>, granularity: number): AsyncGenerator<MapRun> {
  const step = Math.max(1, PIECE_SIZE / granularity);
  for await (const run of runs) {
    const { first, digests } = run;
    if (digests === undefined) {
      yield run;
      continue;
    }
    for (let done = 0; done < run.count; done += step) {
      const count = Math.min(step, run.count - done);
      const part = digests.subarray(done * DIGEST_SIZE, (done + count) * DIGEST_SIZE);
      yield { first: first + done, count, digests: part };
    }
  }
}

async function write(
  options: RestorePointOptions,
  reader: BlobReader,
  range: ByteRangeOfDrive,
): Promise<number> {
  const { target, targetIsZero, onProgress, signal, point } = options;
  const { granularity } = point.manifest;
  const end = range.offset + range.length;
  let [done, written] = [0, 0];
  await eachPiece(options, reader, range, async ({ first, count, digests }) => {
    const from = Math.max(range.offset, first * granularity);
    const to = Math.min(end, (first + count) * granularity);
    const at = from - range.offset;
    if (digests !== undefined) {
      const blocks = await reader.readAll(digestsIn(digests));
      const start = from - first * granularity;
      const bytes = Buffer.concat(blocks).subarray(start, start + to - from);
      await target.write(bytes, at);
      written += bytes.length;
    } else if (targetIsZero !== true) {
      await writeZeros(target, at, to - from, signal);
    }
    done += to - from;
    onProgress?.({ done, total: range.length });
  });
  return written;
}
