import { corrupt } from '../errors.ts';
import type { Geometry } from '../geometry.ts';
import { TABLE_ENTRY_SIZE } from '../geometry.ts';
import type { HeaderOwner } from '../header/header-owner.ts';
import type { HostFile } from '../io/host-file.ts';

/**
 * Knows the clusters that hold metadata, so that a wrong refcount or a wrong mapping does not make
 * guest data overwrite them. It is told the L2 tables and refcount blocks found on disk; those
 * allocated later are safe by their refcounts.
 */
export class MetadataGuard {
  readonly #file: HostFile;
  readonly #header: HeaderOwner;
  readonly #geometry: Geometry;
  #tables: Float64Array<ArrayBuffer> | undefined;
  readonly #freed = new Set<number>();

  constructor(file: HostFile, header: HeaderOwner, geometry: Geometry) {
    this.#file = file;
    this.#header = header;
    this.#geometry = geometry;
  }

  get isOpen(): boolean {
    return this.#tables !== undefined;
  }

  /** @param tableOffsets host offsets of all L2 tables and refcount blocks */
  open(tableOffsets: Iterable<number>): void {
    this.#tables = Float64Array.from(tableOffsets).sort();
  }

  /** A table's cluster was freed, and may hold anything from now on. */
  forget(offset: number): void {
    if (this.#isTable(offset)) this.#freed.add(offset);
  }

  /** @throws IMAGE_CORRUPT when one of the clusters holds metadata */
  assertNotMetadata(offset: number, clusterCount: number): void {
    const end = offset + clusterCount * this.#geometry.clusterSize;
    for (const range of this.#fixedRanges()) {
      if (offset < range.end && range.offset < end) throw this.#overlap(offset, range.name);
    }
    for (let at = offset; at < end; at += this.#geometry.clusterSize) {
      if (this.#isTable(at)) throw this.#overlap(at, 'a mapping table or refcount block');
    }
  }

  #fixedRanges(): { name: string; offset: number; end: number }[] {
    const { clusterSize } = this.#geometry;
    const { header } = this.#header;
    const range = (name: string, offset: number, length: number) => ({
      name,
      offset,
      end: offset + length,
    });
    const refcountTableBytes = header.refcountTableClusters * clusterSize;
    const ranges = [
      range('the header', 0, clusterSize),
      range('the L1 table', header.l1Offset, header.l1Entries * TABLE_ENTRY_SIZE),
      range('the refcount table', header.refcountTableOffset, refcountTableBytes),
    ];
    if (header.snapshotCount > 0) {
      ranges.push(range('the snapshot table', header.snapshotsOffset, clusterSize));
    }
    if (header.bitmaps !== undefined) {
      const { directoryOffset, directorySize } = header.bitmaps;
      ranges.push(range('the bitmap directory', directoryOffset, directorySize));
    }
    return ranges;
  }

  #isTable(offset: number): boolean {
    const tables = this.#tables;
    if (tables === undefined) return false;
    let low = 0;
    let high = tables.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (tables[middle]! < offset) low = middle + 1;
      else high = middle;
    }
    return tables[low] === offset && !this.#freed.has(offset);
  }

  #overlap(offset: number, name: string): Error {
    return corrupt({
      where: this.#file.label,
      struct: 'cluster',
      offset,
      problem: `is counted as free or as guest data, but holds ${name}`,
    });
  }
}
