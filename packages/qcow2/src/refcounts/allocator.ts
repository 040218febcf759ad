import { TidemarkError } from '@tidemark/core';
import { corrupt } from '../errors.ts';
import { type Geometry, TABLE_ENTRY_SIZE } from '../geometry.ts';
import { Limit } from '../header/spec.ts';
import type { HostFile } from '../io/host-file.ts';
import type { MetadataGuard } from './metadata-guard.ts';
import type { Refcounts } from './refcounts.ts';

interface Run {
  /** Index of the first cluster. */
  readonly first: number;
  readonly count: number;
}

/** What has to be added before clusters can be counted. */
interface Growth {
  /** Refcount table indexes without a block. */
  readonly blocks: readonly number[];
  /** Clusters of a larger refcount table; 0 when the present one does. */
  readonly tableClusters: number;
}

export interface Allocation {
  /** Host offset. */
  readonly offset: number;
  readonly clusterCount: number;
}

interface AllocatorParts {
  readonly file: HostFile;
  readonly refcounts: Refcounts;
  readonly guard: MetadataGuard;
  readonly geometry: Geometry;
}

/** Hands out clusters that nobody refers to. Used by one task at a time. */
export class Allocator {
  readonly #file: HostFile;
  readonly #refcounts: Refcounts;
  readonly #guard: MetadataGuard;
  readonly #geometry: Geometry;
  /** No cluster before it is free. */
  #hint = 0;

  constructor({ file, refcounts, guard, geometry }: AllocatorParts) {
    this.#file = file;
    this.#refcounts = refcounts;
    this.#guard = guard;
    this.#geometry = geometry;
  }

  /** Contiguous clusters with refcount 1; content undefined. @throws NO_SPACE, IMAGE_CORRUPT */
  async allocate(clusterCount: number): Promise<number> {
    const { offset } = await this.#take(clusterCount, 'all');
    return offset;
  }

  /** The first free run, which may be shorter than asked for. */
  async allocateUpTo(clusterCount: number): Promise<Allocation> {
    return this.#take(clusterCount, 'some');
  }

  /** Drops one reference of each cluster. @returns whether the last one went, for each */
  async release(offset: number, clusterCount: number): Promise<boolean[]> {
    const first = offset / this.#geometry.clusterSize;
    const gone: boolean[] = [];
    for (let cluster = first; cluster < first + clusterCount; cluster++) {
      const count = await this.#refcounts.get(cluster);
      if (count === 0 || count > Number.MAX_SAFE_INTEGER) {
        throw corrupt({
          where: this.#file.label,
          struct: 'refcount block',
          offset: this.#refcounts.blockOf(cluster),
          problem: `has count ${count} for cluster ${cluster}, which is in use`,
        });
      }
      await this.#refcounts.set(cluster, count - 1);
      if (count === 1) this.#hint = Math.min(this.#hint, cluster);
      gone.push(count === 1);
    }
    return gone;
  }

  async #take(wanted: number, mode: 'all' | 'some'): Promise<Allocation> {
    const { clusterSize } = this.#geometry;
    const { run, growth } = await this.#findRoom(wanted, mode);
    const added = growth.blocks.length + growth.tableClusters;
    const end = run.first + run.count + added;
    this.#guard.assertNotMetadata(run.first * clusterSize, run.count + added);
    await this.#file.ensureSize(end * clusterSize);

    await this.#file.allOrNothing(() => this.#count(run, growth));
    return { offset: run.first * clusterSize, clusterCount: run.count };
  }

  /** New blocks lie behind the run, a new table behind these. */
  async #count(run: Run, growth: Growth): Promise<void> {
    const { clusterSize } = this.#geometry;
    const firstBlock = run.first + run.count;
    const table = firstBlock + growth.blocks.length;
    if (growth.tableClusters > 0) {
      const unused = this.#refcounts.moveTable(table * clusterSize, growth.tableClusters);
      if (unused !== undefined) await this.release(unused.offset, unused.clusterCount);
    }
    for (const [i, tableIndex] of growth.blocks.entries()) {
      const offset = (firstBlock + i) * clusterSize;
      this.#guard.add(offset);
      this.#refcounts.addBlock(tableIndex, offset);
    }
    const end = table + growth.tableClusters;
    for (let cluster = run.first; cluster < end; cluster++) await this.#refcounts.set(cluster, 1);
  }

  /** A run with room behind it for the refcount blocks and table that it makes necessary. */
  async #findRoom(wanted: number, mode: 'all' | 'some'): Promise<{ run: Run; growth: Growth }> {
    for (let added = 0; ;) {
      const found = await this.#findRun(wanted + added, added > 0 ? 'all' : mode);
      const growth = this.#growthFor(found);
      const needed = growth.blocks.length + growth.tableClusters;
      if (needed <= added) {
        const count = Math.min(wanted, found.count - needed);
        return { run: { first: found.first, count }, growth };
      }
      added = needed;
    }
  }

  async #findRun(wanted: number, mode: 'all' | 'some'): Promise<Run> {
    const limit = Math.floor(Limit.hostOffset / this.#geometry.clusterSize);
    let first = await this.#refcounts.nextFree(this.#hint, limit);
    this.#hint = first;
    while (first + wanted <= limit) {
      const end = await this.#refcounts.nextUsed(first, first + wanted);
      if (mode === 'some' || end === first + wanted) return { first, count: end - first };
      first = await this.#refcounts.nextFree(end, limit);
    }
    throw this.#noSpace();
  }

  #growthFor({ first, count }: Run): Growth {
    const { refcountsPerBlock, clusterSize } = this.#geometry;
    const lastIndex = Math.floor((first + count - 1) / refcountsPerBlock);
    const blocks: number[] = [];
    for (let index = Math.floor(first / refcountsPerBlock); index <= lastIndex; index++) {
      if (this.#refcounts.blockOf(index * refcountsPerBlock) === 0) blocks.push(index);
    }
    if (lastIndex < this.#refcounts.capacity) return { blocks, tableClusters: 0 };
    const needed = (lastIndex + 1) * TABLE_ENTRY_SIZE;
    if (needed > Limit.refcountTableBytes) throw this.#noSpace();
    // Half as much again, so that a growing image does not move its table each time.
    const bytes = Math.min(Limit.refcountTableBytes, needed * 1.5);
    return { blocks, tableClusters: Math.ceil(bytes / clusterSize) };
  }

  #noSpace(): TidemarkError {
    return new TidemarkError('NO_SPACE', 'the image cannot count any more clusters', {
      where: this.#file.label,
      hint: "convert it with 'qemu-img convert' to larger clusters or narrower refcounts",
    });
  }
}
