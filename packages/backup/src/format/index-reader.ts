import { createHash, type Hash } from 'node:crypto';
import { TidemarkError } from '@tidemark/core';
import type { FileSystem, OpenFile } from '../files/file-system.ts';
import { readFully } from '../files/whole-files.ts';
import { granuleBytes, granuleCount, type Granules } from './granules.ts';
import {
  decodeStruct,
  DIGEST_SIZE,
  INDEX_MAGIC,
  INDEX_VERSION,
  IndexHeader,
  IndexRun,
  MAX_DATA_RUN,
  RUN_DATA,
  RUN_ZERO,
} from './index-file.ts';
import type { Manifest } from './manifest.ts';

/** Neighbouring granules of one kind that a restore point records. */
export interface GranuleRun {
  readonly kind: 'data' | 'zero';
  readonly first: number;
  readonly count: number;
  /** Where the first granule begins in `data`. Bytes; 0 for zeros. */
  readonly dataOffset: number;
  /** 16 bytes for each granule of data, none for zeros. */
  readonly digests: Uint8Array;
}

const BUFFER_SIZE = 32 * 1024;
const NO_DIGESTS = new Uint8Array(0);

/** Reads a file from front to back, hashing all of it, never beyond `size`. */
class Source {
  readonly #file: OpenFile;
  readonly #where: string;
  readonly #size: number;
  readonly hash: Hash = createHash('sha256');
  #buffer: Uint8Array = NO_DIGESTS;
  #at = 0;
  #read = 0;

  constructor(file: OpenFile, size: number, where: string) {
    this.#file = file;
    this.#size = size;
    this.#where = where;
  }

  get atEnd(): boolean {
    return this.#at === this.#buffer.length && this.#read === this.#size;
  }

  /** The next bytes; they stay as they are, for each refill makes a new buffer. */
  async take(length: number): Promise<Uint8Array> {
    if (this.#buffer.length - this.#at < length) await this.#refill(length);
    const bytes = this.#buffer.subarray(this.#at, this.#at + length);
    this.#at += length;
    return bytes;
  }

  async #refill(length: number): Promise<void> {
    const kept = this.#buffer.subarray(this.#at);
    const added = Math.min(BUFFER_SIZE, this.#size - this.#read);
    if (kept.length + added < length) {
      const where = this.#where;
      throw new TidemarkError('BACKUP_CORRUPT', `'${where}' ends inside a run`, { where });
    }
    const next = new Uint8Array(kept.length + added);
    next.set(kept);
    const fresh = next.subarray(kept.length);
    await readFully(this.#file, fresh, this.#read, this.#where);
    this.hash.update(fresh);
    this.#read += added;
    this.#buffer = next;
    this.#at = 0;
  }
}

/** What the runs read so far amount to; refuses the first that makes no sense. */
class Tally {
  readonly #drive: Granules;
  readonly #where: string;
  readonly #end: number;
  next = 0;
  granules = 0;
  dataBytes = 0;
  zeroBytes = 0;

  constructor(drive: Granules, where: string) {
    this.#drive = drive;
    this.#where = where;
    this.#end = granuleCount(drive);
  }

  refuse(problem: string): TidemarkError {
    const where = this.#where;
    return new TidemarkError('BACKUP_CORRUPT', `'${where}' is damaged: ${problem}`, { where });
  }

  /** Where the run's data begins. */
  add(kind: number, first: bigint, count: bigint): number {
    if (kind !== RUN_DATA && kind !== RUN_ZERO) throw this.refuse(`a run of kind ${kind}`);
    if (first < BigInt(this.next)) throw this.refuse('runs that overlap or go back');
    if (count === 0n || first + count > BigInt(this.#end)) {
      throw this.refuse('a run that is empty or leaves the drive');
    }
    if (kind === RUN_DATA && count > BigInt(MAX_DATA_RUN)) throw this.refuse('too long a run');
    const bytes = granuleBytes(this.#drive, Number(first), Number(count));
    const dataOffset = this.dataBytes;
    if (kind === RUN_DATA) this.dataBytes += bytes;
    else this.zeroBytes += bytes;
    this.granules += Number(count);
    this.next = Number(first + count);
    return dataOffset;
  }

  finish({ kind, totals }: Manifest): void {
    const agrees =
      this.granules === totals.granules &&
      this.dataBytes === totals.dataBytes &&
      this.zeroBytes === totals.zeroBytes;
    if (!agrees) throw this.refuse('its totals are not those of the manifest');
    if (kind === 'full' && this.granules !== this.#end) {
      throw this.refuse('a full restore point that leaves granules out');
    }
  }
}

async function checkHeader(source: Source, drive: Granules, tally: Tally, where: string) {
  const header = decodeStruct(IndexHeader, await source.take(IndexHeader.size), 0, where);
  if (header.magic !== INDEX_MAGIC || header.version !== INDEX_VERSION) {
    throw tally.refuse('it is not an index of this version');
  }
  if (header.granularity !== drive.granularity || header.driveSize !== BigInt(drive.size)) {
    throw tally.refuse('it is of another drive');
  }
}

/**
 * The runs of a restore point's index in ascending order, each checked as it comes. Whoever reads
 * to the end knows that the whole file is what the manifest says.
 * @throws BACKUP_CORRUPT
 */
export async function* readIndex(
  fs: FileSystem,
  path: string,
  manifest: Manifest,
): AsyncGenerator<GranuleRun, void, undefined> {
  const { size: fileSize, sha256 } = manifest.files.index;
  const drive = { size: manifest.drive.size, granularity: manifest.granularity };
  const tally = new Tally(drive, path);
  const file = await fs.open(path, 'r');
  try {
    if (Number((await file.stat()).size) !== fileSize) {
      throw tally.refuse('its size is not that of the manifest');
    }
    const source = new Source(file, fileSize, path);
    await checkHeader(source, drive, tally, path);
    while (!source.atEnd) {
      const run = decodeStruct(IndexRun, await source.take(IndexRun.size), 0, path);
      const dataOffset = tally.add(run.kind, run.first, run.count);
      const [first, count] = [Number(run.first), Number(run.count)];
      if (run.kind === RUN_ZERO) {
        yield { kind: 'zero', first, count, dataOffset: 0, digests: NO_DIGESTS };
      } else {
        const digests = await source.take(count * DIGEST_SIZE);
        yield { kind: 'data', first, count, dataOffset, digests };
      }
    }
    if (source.hash.digest('hex') !== sha256) throw tally.refuse('its checksum is wrong');
    tally.finish(manifest);
  } finally {
    await file.close();
  }
}
