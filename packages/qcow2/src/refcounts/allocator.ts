import { isTidemarkError, TidemarkError } from '@tidemark/core';
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

interface Room {
  readonly run: Run;
  readonly growth: Growth;
}

/** Whether a shorter run does, too. */
type Mode = 'all' | 'some';
/** Where to look: everywhere, or near the end of the image. */
type Area = 'all' | 'late';

/** Bytes of refcount blocks that are looked at for a late cluster. */
const LATE_BLOCKS = 1024 * 1024;

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
  /** Where to look first: no free cluster that may be taken lies before it. */
  readonly #hints: { all: number; late: number | undefined } = { all: 0, late: undefined };

  constructor({ file, refcounts, guard, geometry }: AllocatorParts) {
    this.#file = file;
    this.#refcounts = refcounts;
    this.#guard = guard;
    this.#geometry = geometry;
  }

  /** Contiguous clusters with refcount 1; content undefined. @throws NO_SPACE, IMAGE_CORRUPT */
  async allocate(clusterCount: number): Promise<number> {
    const { offset } = await this.#take(clusterCount, 'all', 'all');
    return offset;
  }

  /**
   * The same, near the end of the image if that can be. In a large image that is full, all refcount
   * blocks have to be read to find the first free cluster: a change of one bitmap is not worth that.
   */
  async allocateLate(clusterCount: number): Promise<number> {
    this.#hints.late ??= this.#refcounts.lateStart(LATE_BLOCKS);
    try {
      const { offset } = await this.#take(clusterCount, 'all', 'late');
      return offset;
    } catch (error) {
      if (!isTidemarkError(error, 'NO_SPACE')) throw error;
      return this.allocate(clusterCount);
    }
  }

  /** The first free run, which may be shorter than asked for. */
  async allocateUpTo(clusterCount: number): Promise<Allocation> {
    return this.#take(clusterCount, 'some', 'all');
  }

  /** Adds a reference to a cluster in use. @returns false: no more can be counted; nothing was done */
  async retain(offset: number): Promise<boolean> {
    const { clusterSize, refcountBits } = this.#geometry;
    const most = Math.min(2 ** refcountBits - 1, Number.MAX_SAFE_INTEGER);
    let isCounted = false;
    await this.#refcounts.change(offset / clusterSize, 1, (count, cluster) => {
      if (count === 0) throw this.#miscounted(cluster, count);
      isCounted = count < most;
      return isCounted ? count + 1 : count;
    });
    return isCounted;
  }

  /** Drops one reference of each cluster. @returns whether the last one went, for each */
  async release(offset: number, clusterCount: number): Promise<boolean[]> {
    const first = offset / this.#geometry.clusterSize;
    const gone: boolean[] = [];
    await this.#refcounts.change(first, clusterCount, (count, cluster) => {
      if (count === 0 || count > Number.MAX_SAFE_INTEGER) throw this.#miscounted(cluster, count);
      if (count === 1) this.#freed(cluster);
      gone.push(count === 1);
      return count - 1;
    });
    return gone;
  }

  #freed(cluster: number): void {
    const { all, late } = this.#hints;
    this.#hints.all = Math.min(all, cluster);
    if (late !== undefined) this.#hints.late = Math.min(late, cluster);
  }

  #miscounted(cluster: number, count: number): Error {
    return corrupt({
      where: this.#file.label,
      struct: 'refcount block',
      offset: this.#refcounts.blockOf(cluster),
      problem: `has count ${count} for cluster ${cluster}, which is in use`,
    });
  }

  async #take(wanted: number, mode: Mode, area: Area): Promise<Allocation> {
    const { clusterSize } = this.#geometry;
    const { run, growth } = await this.#findRoom(wanted, mode, area);
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
    await this.#refcounts.change(run.first, end - run.first, () => 1);
  }

  /** A run with room behind it for the refcount blocks and table that it makes necessary. */
  async #findRoom(wanted: number, mode: Mode, area: Area): Promise<Room> {
    for (let added = 0; ;) {
      const found = await this.#findRun(wanted + added, added > 0 ? 'all' : mode, area);
      const growth = this.#growthFor(found);
      const needed = growth.blocks.length + growth.tableClusters;
      if (needed <= added) {
        const count = Math.min(wanted, found.count - needed);
        return { run: { first: found.first, count }, growth };
      }
      added = needed;
    }
  }

  async #findRun(wanted: number, mode: Mode, area: Area): Promise<Run> {
    const limit = Math.floor(Limit.hostOffset / this.#geometry.clusterSize);
    // What is known of all is true of the late ones, too.
    const hint = Math.max(this.#hints.all, (area === 'late' && this.#hints.late) || 0);
    let first = await this.#refcounts.nextFree(hint, limit);
    this.#hints[area] = first;
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
