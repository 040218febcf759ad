import { type Geometry, TABLE_ENTRY_SIZE } from '../geometry.ts';
import type { HeaderOwner } from '../header/header-owner.ts';
import type { HostFile } from '../io/host-file.ts';
import { type CachedTable, TableCache } from '../mapping/table-cache.ts';
import { lastUsedEntry, usedEntries } from '../util/used-entries.ts';
import { readRefcountTable } from './read-refcount-table.ts';
import { findRefcount, readRefcount, refcountBytes, writeRefcount } from './refcount-width.ts';

/** Clusters that a table was moved away from: free once the header points to the new one. */
export interface Vacated {
  readonly offset: number;
  readonly clusterCount: number;
}

/**
 * How many references each host cluster has. What is in memory is never below what the image on
 * disk needs, so a block may be written at any time; decreases come in only once the unlink is
 * durable. Used by one task at a time.
 */
export class Refcounts {
  readonly #file: HostFile;
  readonly #header: HeaderOwner;
  readonly #geometry: Geometry;
  readonly #blocks: TableCache;
  /** Host offsets of refcount blocks; 0 where there is none. Read at first use. */
  #table: Float64Array<ArrayBuffer> | undefined;
  readonly #unlinked = new Set<number>();
  #movedTo: number | undefined;

  constructor(file: HostFile, header: HeaderOwner, geometry: Geometry) {
    this.#file = file;
    this.#header = header;
    this.#geometry = geometry;
    this.#blocks = new TableCache({
      tableSize: geometry.clusterSize,
      read: (offset, length) => file.readNewSoon(offset, length),
    });
  }

  get isDirty(): boolean {
    return this.#blocks.dirtyCount > 0 || this.#unlinked.size > 0 || this.#movedTo !== undefined;
  }

  /** Has to be awaited once before anything else. @throws IMAGE_CORRUPT */
  async open(): Promise<void> {
    this.#table ??= await readRefcountTable(this.#file, this.#header.header);
  }

  /** Entries that the table has room for. */
  get capacity(): number {
    return this.#entries.length;
  }

  get #entries(): Float64Array<ArrayBuffer> {
    if (this.#table === undefined) throw new TypeError('refcounts are not open');
    return this.#table;
  }

  /** Host offset of the block that counts `cluster`, or 0: then all it would count are free. */
  blockOf(cluster: number): number {
    return this.#entries[Math.floor(cluster / this.#geometry.refcountsPerBlock)] ?? 0;
  }

  /** Host offsets of all blocks. */
  *blockOffsets(): Generator<number> {
    for (const index of usedEntries(this.#entries)) yield this.#entries[index]!;
  }

  /** First of the clusters that the last blocks count, as many of them as fill `bytes`. */
  lateStart(bytes: number): number {
    const { clusterSize, refcountsPerBlock } = this.#geometry;
    const last = lastUsedEntry(this.#entries);
    const blocks = Math.max(1, Math.floor(bytes / clusterSize));
    return Math.max(0, last + 1 - blocks) * refcountsPerBlock;
  }

  /**
   * Gives clusters in a row other counts. `next` gets the present one, which is 0 where no block
   * counts the cluster; it has to throw there.
   */
  async change(
    first: number,
    clusterCount: number,
    next: (count: number, cluster: number) => number,
  ): Promise<void> {
    const { refcountsPerBlock } = this.#geometry;
    const end = first + clusterCount;
    for (let cluster = first; cluster < end;) {
      const offset = this.blockOf(cluster);
      if (offset === 0) throw new RangeError(`count ${next(0, cluster)} has no place`);
      if (this.#blocks.mustWriteBack) await this.#writeBlocks();
      const block = await this.#block(offset);
      const blockEnd = (Math.floor(cluster / refcountsPerBlock) + 1) * refcountsPerBlock;
      const stop = Math.min(end, blockEnd);
      for (; cluster < stop; cluster++) this.#changeIn(block, cluster, next);
    }
  }

  #changeIn(
    block: CachedTable,
    cluster: number,
    next: (count: number, cluster: number) => number,
  ): void {
    const { refcountBits, refcountsPerBlock } = this.#geometry;
    const index = cluster % refcountsPerBlock;
    const count = readRefcount(block.view, index, refcountBits);
    writeRefcount(block.view, index, refcountBits, next(count, cluster));
    const { from, to } = refcountBytes(index, refcountBits);
    this.#blocks.markDirty(block, from, to);
  }

  /** First cluster at or behind `from`, before `end`, that has no reference; else `end`. */
  async nextFree(from: number, end: number): Promise<number> {
    return this.#scan(from, end, true);
  }

  /** First cluster at or behind `from`, before `end`, that is in use; else `end`. */
  async nextUsed(from: number, end: number): Promise<number> {
    return this.#scan(from, end, false);
  }

  async #scan(from: number, end: number, free: boolean): Promise<number> {
    const { refcountBits, refcountsPerBlock } = this.#geometry;
    let cluster = from;
    while (cluster < end) {
      const blockEnd = (Math.floor(cluster / refcountsPerBlock) + 1) * refcountsPerBlock;
      const stop = Math.min(end, blockEnd);
      const offset = this.blockOf(cluster);
      if (offset === 0) {
        if (free) return cluster;
        cluster = this.#skipMissing(cluster, end);
        continue;
      }
      const { bytes } = await this.#block(offset);
      const first = cluster - (cluster % refcountsPerBlock);
      const range = { from: cluster - first, to: stop - first };
      cluster = first + findRefcount(bytes, range, refcountBits, { free });
      if (cluster < stop) return cluster;
    }
    return end;
  }

  #skipMissing(cluster: number, end: number): number {
    const { refcountsPerBlock } = this.#geometry;
    let index = Math.floor(cluster / refcountsPerBlock);
    while (index < this.capacity && this.#entries[index] === 0) index++;
    return index >= this.capacity ? end : Math.min(end, index * refcountsPerBlock);
  }

  /** Puts an empty block in place; it is linked by the next `writeBack`. */
  addBlock(tableIndex: number, offset: number): void {
    this.#blocks.put(offset, new Uint8Array(this.#geometry.clusterSize));
    this.#entries[tableIndex] = offset;
    this.#unlinked.add(tableIndex);
  }

  /**
   * Makes room for more blocks; the header is switched by the next `writeBack`.
   * @returns the clusters of an earlier move that was never written
   */
  moveTable(offset: number, clusterCount: number): Vacated | undefined {
    const unused = this.#movedTo === undefined ? undefined : this.#extentOf(this.#movedTo);
    const length = (clusterCount * this.#geometry.clusterSize) / TABLE_ENTRY_SIZE;
    const larger = new Float64Array(length);
    larger.set(this.#entries);
    this.#table = larger;
    this.#movedTo = offset;
    return unused;
  }

  #extentOf(offset: number): Vacated {
    const bytes = this.capacity * TABLE_ENTRY_SIZE;
    return { offset, clusterCount: bytes / this.#geometry.clusterSize };
  }

  /**
   * Blocks first, then the entries that point to them, then the header that points to these, with
   * a flush between. Ends without one. @returns the clusters of the old table, if it moved
   */
  async writeBack(): Promise<Vacated | undefined> {
    await this.#writeBlocks();
    if (this.#movedTo === undefined && this.#unlinked.size === 0) return undefined;
    await this.#file.flush();
    if (this.#movedTo !== undefined) return this.#switchTable(this.#movedTo);
    for (const index of this.#unlinked) {
      const at = this.#header.header.refcountTableOffset + index * TABLE_ENTRY_SIZE;
      await this.#file.writeSoon(this.#encode(index, 1), at);
      this.#unlinked.delete(index);
    }
    return undefined;
  }

  async #switchTable(offset: number): Promise<Vacated> {
    const { refcountTableOffset, refcountTableClusters } = this.#header.header;
    const bytes = this.#encode(0, this.capacity);
    await this.#file.writeSoon(bytes, offset);
    await this.#file.flush();
    await this.#header.patch({
      refcountTableOffset: offset,
      refcountTableClusters: bytes.length / this.#geometry.clusterSize,
    });
    this.#movedTo = undefined;
    this.#unlinked.clear();
    return { offset: refcountTableOffset, clusterCount: refcountTableClusters };
  }

  #encode(first: number, count: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(count * TABLE_ENTRY_SIZE);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < count; i++) {
      view.setBigUint64(i * TABLE_ENTRY_SIZE, BigInt(this.#entries[first + i]!));
    }
    return bytes;
  }

  async #writeBlocks(): Promise<void> {
    await this.#blocks.writeBack((source, offset) => this.#file.writeSoon(source, offset));
  }

  async #block(offset: number): Promise<CachedTable> {
    for (;;) {
      const block = this.#blocks.peek(offset);
      if (block !== undefined) return block;
      await this.#blocks.load(offset);
    }
  }
}
