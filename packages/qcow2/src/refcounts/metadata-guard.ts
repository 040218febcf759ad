import { corrupt } from '../errors.ts';
import type { Geometry } from '../geometry.ts';
import { TABLE_ENTRY_SIZE } from '../geometry.ts';
import type { HeaderOwner } from '../header/header-owner.ts';
import type { HostFile } from '../io/host-file.ts';
import { type HostRange, RangeSet } from '../util/range-set.ts';

interface MetadataRange {
  readonly name: string;
  readonly offset: number;
  readonly end: number;
}

const TABLE_NAME = 'a mapping table or refcount block';

/**
 * Knows the clusters that hold metadata, so that a wrong refcount or a wrong mapping does not make
 * guest data overwrite them. It is told of the L2 tables and refcount blocks.
 */
export class MetadataGuard {
  readonly #file: HostFile;
  readonly #header: HeaderOwner;
  readonly #geometry: Geometry;
  /** Those found on disk, ascending, and what has changed since. */
  #found: Float64Array<ArrayBuffer> = new Float64Array(0);
  #snapshots = new RangeSet([]);
  readonly #freed = new Set<number>();
  readonly #added = new Set<number>();

  constructor(file: HostFile, header: HeaderOwner, geometry: Geometry) {
    this.#file = file;
    this.#header = header;
    this.#geometry = geometry;
  }

  /**
   * @param tableOffsets host offsets of all L2 tables and refcount blocks
   * @param snapshots what is not theirs either, and stays where it is
   * @throws IMAGE_CORRUPT when one cluster holds two kinds of metadata, or two tables: to write one
   * of them would destroy the other
   */
  open(tableOffsets: Iterable<number>, snapshots: readonly HostRange[]): void {
    const found = Float64Array.from(tableOffsets).sort();
    const inSnapshots = new RangeSet(snapshots);
    const ranges = this.#fixedRanges().sort((a, b) => a.offset - b.offset);
    for (const [i, range] of ranges.entries()) {
      const next = ranges[i + 1];
      if (next !== undefined && next.offset < range.end)
        throw this.#shared(next.offset, range.name);
      const inside = found[firstNotBelow(found, range.offset)];
      if (inside !== undefined && inside < range.end) throw this.#shared(inside, range.name);
      const length = range.end - range.offset;
      if (inSnapshots.touches({ ...range, length })) throw this.#shared(range.offset, range.name);
    }
    for (let i = 1; i < found.length; i++) {
      if (found[i] === found[i - 1]) throw this.#shared(found[i]!, TABLE_NAME);
    }
    const length = this.#geometry.clusterSize;
    const shared = found.find((offset) => inSnapshots.touches({ offset, length }));
    if (shared !== undefined) throw this.#shared(shared, TABLE_NAME);
    this.#found = found;
    this.#snapshots = inSnapshots;
  }

  /** A cluster is going to hold an L2 table or a refcount block. */
  add(offset: number): void {
    this.#added.add(offset);
  }

  /** A table's cluster was freed, and may hold anything from now on. */
  forget(offset: number): void {
    if (this.#added.delete(offset)) return;
    if (this.#isTable(offset)) this.#freed.add(offset);
  }

  /** @throws IMAGE_CORRUPT when one of the clusters holds metadata */
  assertNotMetadata(offset: number, clusterCount: number): void {
    const end = offset + clusterCount * this.#geometry.clusterSize;
    for (const range of this.#fixedRanges()) {
      if (offset < range.end && range.offset < end) throw this.#overlap(offset, range.name);
    }
    if (this.#snapshots.touches({ offset, length: end - offset })) {
      throw this.#overlap(offset, "a snapshot's table");
    }
    for (let at = offset; at < end; at += this.#geometry.clusterSize) {
      if (this.#isTable(at)) throw this.#overlap(at, TABLE_NAME);
    }
  }

  #fixedRanges(): MetadataRange[] {
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
    if (header.bitmaps !== undefined) {
      const { directoryOffset, directorySize } = header.bitmaps;
      ranges.push(range('the bitmap directory', directoryOffset, directorySize));
    }
    return ranges.filter(({ offset, end }) => offset < end);
  }

  #isTable(offset: number): boolean {
    if (this.#added.has(offset)) return true;
    return this.#found[firstNotBelow(this.#found, offset)] === offset && !this.#freed.has(offset);
  }

  #shared(offset: number, name: string): Error {
    return corrupt({
      where: this.#file.label,
      struct: 'cluster',
      offset,
      problem: `holds ${name} and other metadata, too`,
    });
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

/** Index of the first of ascending `values` that is not below `value`. */
function firstNotBelow(values: Float64Array, value: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
