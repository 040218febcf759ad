import { join } from 'node:path';
import { TidemarkError } from '@tidemark/core';
import type { FileSystem } from '../files/file-system.ts';
import { granuleBytes, granuleCount } from '../format/granules.ts';
import { DIGEST_SIZE } from '../format/index-file.ts';
import { type GranuleRun, readIndex } from '../format/index-reader.ts';
import { INDEX_NAME } from '../format/names.ts';
import type { ChainLink } from './chain.ts';

/** A run of the drive and the restore point that holds it. */
export interface ComposedRun {
  readonly link: ChainLink;
  readonly run: GranuleRun;
}

/** One restore point's index, read as far as its run that ends behind the current granule. */
class Cursor {
  readonly link: ChainLink;
  readonly #runs: AsyncGenerator<GranuleRun, void, undefined>;
  run: GranuleRun | undefined;

  constructor(fs: FileSystem, link: ChainLink) {
    this.link = link;
    this.#runs = readIndex(fs, join(link.path, INDEX_NAME), link.manifest);
  }

  /** Moves on to the first run that ends behind `granule`. */
  async advance(granule: number): Promise<void> {
    while (this.run === undefined || this.run.first + this.run.count <= granule) {
      const next = await this.#runs.next();
      this.run = next.done === true ? END : next.value;
    }
  }

  async close(): Promise<void> {
    await this.#runs.return();
  }
}

const END: GranuleRun = {
  kind: 'zero',
  first: Number.MAX_SAFE_INTEGER - 1,
  count: 1,
  dataOffset: 0,
  digests: new Uint8Array(0),
};

function cut(link: ChainLink, run: GranuleRun, first: number, end: number): GranuleRun {
  const { kind, digests } = run;
  const skipped = first - run.first;
  if (kind === 'zero') return { kind, first, count: end - first, dataOffset: 0, digests };
  const drive = { size: link.manifest.drive.size, granularity: link.manifest.granularity };
  return {
    kind,
    first,
    count: end - first,
    dataOffset: run.dataOffset + (skipped === 0 ? 0 : granuleBytes(drive, run.first, skipped)),
    digests: digests.subarray(skipped * DIGEST_SIZE, (end - run.first) * DIGEST_SIZE),
  };
}

/**
 * The whole drive at the last point of a chain, in order and without gaps: for each granule the
 * newest point that records it. Reads all indexes at once and in step, so memory depends on the
 * length of the chain, not on the drive.
 * @throws BACKUP_CORRUPT
 */
export async function* composeChain(
  fs: FileSystem,
  chain: readonly ChainLink[],
): AsyncGenerator<ComposedRun, void, undefined> {
  const newestFirst = chain.map((link) => new Cursor(fs, link)).toReversed();
  const { drive, granularity } = chain.at(-1)!.manifest;
  const total = granuleCount({ size: drive.size, granularity });
  try {
    for (let granule = 0; granule < total;) {
      let end = total;
      let winner: Cursor | undefined;
      for (const cursor of newestFirst) {
        await cursor.advance(granule);
        const run = cursor.run!;
        if (run.first <= granule) {
          winner = cursor;
          end = Math.min(end, run.first + run.count);
          break;
        }
        end = Math.min(end, run.first);
      }
      if (winner === undefined) throw gap(chain, granule);
      yield { link: winner.link, run: cut(winner.link, winner.run!, granule, end) };
      granule = end;
    }
  } finally {
    for (const cursor of newestFirst) await cursor.close();
  }
}

function gap(chain: readonly ChainLink[], granule: number): TidemarkError {
  const { path } = chain[0]!;
  return new TidemarkError('BACKUP_CORRUPT', `'${path}' leaves granule ${granule} out`, {
    where: path,
  });
}

/**
 * Reads the index of each point of a chain whole: structure, totals and checksum.
 * @throws BACKUP_CORRUPT
 */
export async function checkIndexes(fs: FileSystem, chain: readonly ChainLink[]): Promise<void> {
  for (const link of chain) {
    const runs = readIndex(fs, join(link.path, INDEX_NAME), link.manifest);
    while ((await runs.next()).done !== true);
  }
}
