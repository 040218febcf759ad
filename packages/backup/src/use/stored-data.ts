import { join } from 'node:path';
import { TidemarkError } from '@tidemark/core';
import type { ChainLink } from '../chain/chain.ts';
import type { FileSystem, OpenFile } from '../files/file-system.ts';
import { readFully } from '../files/whole-files.ts';
import { granuleBytes } from '../format/granules.ts';
import { granuleDigest } from '../format/granule-digest.ts';
import { DIGEST_SIZE } from '../format/index-file.ts';
import type { GranuleRun } from '../format/index-reader.ts';
import { DATA_NAME } from '../format/names.ts';

/** Bytes of one read at most; at least a granule. */
const PIECE_SIZE = 1024 * 1024;

/** Cuts a run of data into parts of at most 1 MiB. */
export function* cutRun(run: GranuleRun, granularity: number): Generator<GranuleRun> {
  const step = PIECE_SIZE / granularity;
  for (let done = 0; done < run.count; done += step) {
    const count = Math.min(step, run.count - done);
    yield {
      kind: run.kind,
      first: run.first + done,
      count,
      dataOffset: run.dataOffset + done * granularity,
      digests: run.digests.subarray(done * DIGEST_SIZE, (done + count) * DIGEST_SIZE),
    };
  }
}

/** The `data` files of a chain; each is opened when it is first read. */
export class StoredData {
  readonly #fs: FileSystem;
  readonly #files = new Map<string, Promise<OpenFile>>();

  constructor(fs: FileSystem) {
    this.#fs = fs;
  }

  /** Reads a part from `cutRun`, without a look at its digests. */
  async read(link: ChainLink, run: GranuleRun): Promise<Uint8Array> {
    const path = join(link.path, DATA_NAME);
    let file = this.#files.get(path);
    if (file === undefined) {
      file = this.#fs.open(path, 'r');
      this.#files.set(path, file);
    }
    const { drive, granularity } = link.manifest;
    const length = granuleBytes({ size: drive.size, granularity }, run.first, run.count);
    const bytes = Buffer.allocUnsafeSlow(length);
    await readFully(await file, bytes, run.dataOffset, path);
    return bytes;
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) {
      await file.then((opened) => opened.close()).catch(() => {});
    }
    this.#files.clear();
  }
}

/** The granules of a part whose bytes are not what their digests say. */
export function* damagedGranules(
  run: GranuleRun,
  bytes: Uint8Array,
  granularity: number,
): Generator<number> {
  for (let i = 0; i < run.count; i++) {
    const content = bytes.subarray(i * granularity, (i + 1) * granularity);
    const expected = run.digests.subarray(i * DIGEST_SIZE, (i + 1) * DIGEST_SIZE);
    if (Buffer.compare(granuleDigest(content), expected) !== 0) yield run.first + i;
  }
}

export function damagedData(link: ChainLink, granule: number): TidemarkError {
  const where = join(link.path, DATA_NAME);
  const offset = granule * link.manifest.granularity;
  return new TidemarkError(
    'BACKUP_CORRUPT',
    `'${where}' is damaged: what it holds for offset ${offset} of the drive fails its digest`,
    { where, offset, hint: 'verify the directory to learn which restore points are whole' },
  );
}
