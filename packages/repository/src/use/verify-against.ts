import type { BlockDevice } from '@tidemark/block';
import { granuleBytes, runInFlight, throwIfCancelled } from '@tidemark/backup/parts';
import { type DirtyBitmap, TidemarkError } from '@tidemark/core';
import { sameDigest } from '../format/digest.ts';
import { DIGEST_SIZE } from '../format/limits.ts';
import { type MapRun, walkMap } from '../map/map-reader.ts';
import type { OpenPoint } from '../points.ts';
import type { Repository } from '../repository.ts';
import type { ByteRangeOfDrive } from './restore.ts';
import { checkMap, mapOf } from './map-of-point.ts';

const IN_FLIGHT = 8;
/** Bytes of one read; at least a granule. */
const PIECE_SIZE = 1024 * 1024;
const MAX_RANGES = 10_000;

/** What `verifyAgainst` compares with a point. */
export interface VerifyAgainstOptions {
  readonly repository: Repository;
  readonly point: OpenPoint;
  /** Must not change meanwhile. */
  readonly source: BlockDevice;
  /** What it calls clean has to be as it was. Without it: all of the drive. */
  readonly bitmap?: DirtyBitmap | undefined;
  readonly onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Bytes of the drive. */
export interface VerifiedAgainst {
  /** What was called clean, and was compared. */
  readonly compared: number;
  /** Of that, what had to be read. */
  readonly read: number;
  readonly differing: number;
  /** Where the drive is not as it was though it is called clean: whole granules, the first 10000. */
  readonly ranges: readonly ByteRangeOfDrive[];
}

/**
 * Compares a drive with a restore point, wherever a bitmap calls it clean: it proves the bitmap right,
 * or names where it lies. A granule that is dirty in part is not compared.
 * @throws BACKUP_DRIVE_MISMATCH (sizes), BACKUP_CORRUPT, CANCELLED, and what the source throws
 */
export async function verifyAgainst(options: VerifyAgainstOptions): Promise<VerifiedAgainst> {
  const { repository, point, source, bitmap, signal, onProgress } = options;
  const { manifest } = point;
  assertSameSize(manifest.drive.size, source);
  const reader = await repository.reader();
  await checkMap(manifest, reader);
  const comparison = new Comparison(repository, options);
  const runs = walkMap(mapOf(manifest, reader));
  let done = 0;
  await runInFlight(pieces(runs, manifest.granularity), IN_FLIGHT, async (piece) => {
    throwIfCancelled(signal);
    await comparison.look(piece, bitmap);
    done += granuleBytes(comparison.drive, piece.first, piece.count);
    onProgress?.({ done, total: source.size });
  });
  return comparison.result();
}

class Comparison {
  readonly drive: { readonly size: number; readonly granularity: number };
  readonly #repository: Repository;
  readonly #source: BlockDevice;
  readonly #differing: number[] = [];
  #compared = 0;
  #read = 0;
  #differingBytes = 0;

  constructor(repository: Repository, { point, source }: VerifyAgainstOptions) {
    const { granularity } = point.manifest;
    this.drive = { size: source.size, granularity };
    this.#repository = repository;
    this.#source = source;
  }

  async look(piece: MapRun, bitmap: DirtyBitmap | undefined): Promise<void> {
    for (const part of cleanParts(piece, this.drive, bitmap)) {
      this.#compared += granuleBytes(this.drive, part.first, part.count);
      if (part.digests === undefined) await this.#lookForZeros(part);
      else await this.#compare(part);
    }
  }

  async #lookForZeros({ first, count }: MapRun): Promise<void> {
    const { granularity } = this.drive;
    const length = granuleBytes(this.drive, first, count);
    let done = first;
    for await (const extent of this.#source.extents(first * granularity, length)) {
      if (extent.zero) continue;
      const from = Math.max(done, Math.floor(extent.offset / granularity));
      const end = Math.ceil((extent.offset + extent.length) / granularity);
      const step = Math.max(1, PIECE_SIZE / granularity);
      for (let at = from; at < end; at += step) {
        await this.#compare({ first: at, count: Math.min(step, end - at) });
      }
      done = Math.max(done, end);
    }
  }

  async #compare({ first, count, digests }: MapRun): Promise<void> {
    const { granularity } = this.drive;
    const bytes = Buffer.allocUnsafe(granuleBytes(this.drive, first, count));
    await this.#source.read(bytes, first * granularity);
    this.#read += bytes.length;
    for (let index = 0; index < count; index++) {
      const content = bytes.subarray(index * granularity, (index + 1) * granularity);
      const expected = digests?.subarray(index * DIGEST_SIZE, (index + 1) * DIGEST_SIZE);
      const isSame =
        expected === undefined
          ? isZero(content)
          : sameDigest(this.#repository.sealer.digest(content), expected);
      if (isSame) continue;
      this.#differingBytes += content.length;
      if (this.#differing.length < MAX_RANGES) this.#differing.push(first + index);
    }
  }

  result(): VerifiedAgainst {
    const ranges: { offset: number; length: number }[] = [];
    for (const granule of this.#differing.toSorted((a, b) => a - b)) {
      const offset = granule * this.drive.granularity;
      const length = granuleBytes(this.drive, granule, 1);
      const last = ranges.at(-1);
      if (last !== undefined && last.offset + last.length === offset) last.length += length;
      else ranges.push({ offset, length });
    }
    return { compared: this.#compared, read: this.#read, differing: this.#differingBytes, ranges };
  }
}

async function* pieces(runs: AsyncIterable<MapRun>, granularity: number): AsyncGenerator<MapRun> {
  const step = Math.max(1, PIECE_SIZE / granularity);
  for await (const run of runs) {
    if (run.digests === undefined) {
      yield run;
      continue;
    }
    for (let done = 0; done < run.count; done += step) yield part(run, done, step);
  }
}

function part({ first, count, digests }: MapRun, from: number, wanted: number): MapRun {
  const length = Math.min(wanted, count - from);
  const run = { first: first + from, count: length };
  if (digests === undefined) return run;
  return { ...run, digests: digests.subarray(from * DIGEST_SIZE, (from + length) * DIGEST_SIZE) };
}

/** The parts of a run whose granules are clean as a whole. */
function* cleanParts(
  run: MapRun,
  drive: { readonly size: number; readonly granularity: number },
  bitmap: DirtyBitmap | undefined,
): Generator<MapRun> {
  if (bitmap === undefined) {
    yield run;
    return;
  }
  const { granularity } = drive;
  const end = run.first + run.count;
  for (let at = run.first; at < end;) {
    const stop = Math.min(drive.size, end * granularity);
    const dirty = bitmap.nextDirty(at * granularity, stop);
    const clean = dirty < 0 ? end : Math.floor(dirty / granularity);
    if (clean > at) yield part(run, at - run.first, clean - at);
    if (dirty < 0) return;
    const next = bitmap.nextClean(dirty, stop);
    at = next < 0 ? end : Math.ceil(next / granularity);
  }
}

/** A buffer is zeros where it begins with one and each byte is like the one before it. */
function isZero(content: Buffer): boolean {
  return content[0] === 0 && content.subarray(1).equals(content.subarray(0, content.length - 1));
}

function assertSameSize(size: number, { label, size: actual }: BlockDevice): void {
  if (size === actual) return;
  const text = `${label} has ${actual} bytes, and the drive had ${size} at the restore point`;
  throw new TidemarkError('BACKUP_DRIVE_MISMATCH', text, { where: label });
}
