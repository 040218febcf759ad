import { corrupt } from '../errors.ts';
import type { Geometry } from '../geometry.ts';
import type { HostFile } from '../io/host-file.ts';
import {
  EMPTY_ENTRY,
  type L2Entry,
  partOf,
  partsAlike,
  readEntry,
  writeEntry,
} from './cluster-entry.ts';
import { entriesAlike } from './entries-alike.ts';
import type { L1Table } from './l1-table.ts';
import type { EntryRules, Mapping } from './l2-entry.ts';
import { type CachedTable, TableCache } from './table-cache.ts';

/** Part of the disk that one `Mapping` describes; its clusters lie in a row in the file, too. */
export interface Run {
  readonly mapping: Mapping;
  /** Host offset of the run's first byte, where there is one; means nothing when compressed. */
  readonly host: number;
  /** Bytes. */
  readonly length: number;
}

interface ClusterMapOptions {
  readonly file: HostFile;
  readonly l1: L1Table;
  readonly geometry: Geometry;
  readonly version: number;
  /** Data lies in a data file, and not in `file`. */
  readonly hasDataFile: boolean;
}

const UNALLOCATED = partOf(EMPTY_ENTRY, 0);

/** What becomes of the entry of a cluster, the `index`th of those asked for; undefined: nothing. */
export type EntryChange = (old: L2Entry, index: number) => L2Entry | undefined;

/** Where the disk's clusters lie in the file: the L1 table and a cache of L2 tables. */
export class ClusterMap {
  readonly l1: L1Table;
  readonly tables: TableCache;
  readonly #file: HostFile;
  readonly #geometry: Geometry;
  readonly #rules: EntryRules;

  constructor({ file, l1, geometry, version, hasDataFile }: ClusterMapOptions) {
    this.l1 = l1;
    this.#file = file;
    this.#geometry = geometry;
    this.#rules = { geometry, version, hasDataFile };
    this.tables = new TableCache({
      tableSize: geometry.clusterSize,
      read: (offset, length) => file.readNew(offset, length),
    });
  }

  get isDirty(): boolean {
    return this.l1.isDirty || this.tables.dirtyCount > 0;
  }

  /**
   * Looks up the run at `offset`, of `length` bytes at most, and calls `act` in the tick of the
   * look-up: I/O that starts there is under way before anybody can unlink the clusters.
   * @throws IMAGE_CORRUPT
   */
  async atRun<T>(offset: number, length: number, act: (run: Run) => T): Promise<T> {
    for (;;) {
      const run = this.runNow(offset, length);
      if (run !== undefined) return act(run);
      await this.tables.load(this.l1.get(this.l1Index(offset))!.offset);
    }
  }

  /** The run at `offset`, good for this tick. Undefined: its table has to be read. @throws IMAGE_CORRUPT */
  runNow(offset: number, length: number): Run | undefined {
    const entry = this.l1.get(this.l1Index(offset));
    if (entry === undefined) return this.#emptyRun(offset, length);
    const table = this.tables.peek(entry.offset);
    return table && this.#runIn(table, offset, length);
  }

  l1Index(offset: number): number {
    return Math.floor(offset / this.#geometry.l2Coverage);
  }

  /** Where the L2 table that maps `offset` ends to map. */
  tableEnd(offset: number): number {
    return (this.l1Index(offset) + 1) * this.#geometry.l2Coverage;
  }

  #emptyRun(offset: number, length: number): Run {
    let end = this.tableEnd(offset);
    while (end < offset + length && this.l1.isEmpty(this.l1Index(end))) {
      end += this.#geometry.l2Coverage;
    }
    return { mapping: UNALLOCATED, host: 0, length: Math.min(length, end - offset) };
  }

  #runIn(table: CachedTable, offset: number, length: number): Run {
    const { clusterSize, subclusterSize, subclusters } = this.#geometry;
    const inCluster = offset % clusterSize;
    const first = this.#l2Index(offset);
    const guest = offset - inCluster;
    const entry = this.#entry(table, first, guest);
    const part = Math.floor(inCluster / subclusterSize);
    const mapping = partOf(entry, part);
    const end = Math.min(this.tableEnd(offset), offset + length);
    let parts = partsAlike(entry, part, this.#geometry);
    const known = this.#plainRun(table, first, mapping, Math.ceil((end - guest) / clusterSize));
    let covered = (known - 1) * clusterSize + (part + parts) * subclusterSize - inCluster;
    let isWhole = part + parts === subclusters;
    for (let i = known; isWhole && offset + covered < end; i++) {
      const next = this.#entry(table, first + i, guest + i * clusterSize);
      if (!continues(mapping, partOf(next, 0), i * clusterSize)) break;
      parts = partsAlike(next, 0, this.#geometry);
      covered += parts * subclusterSize;
      isWhole = parts === subclusters;
    }
    const start = mapping.host;
    const host = start === undefined ? 0 : start + inCluster;
    return { mapping, host, length: Math.min(covered, end - offset) };
  }

  /** How many entries, `limit` at most, go on from the one at `first` as they stand: no need to decode them. */
  #plainRun(table: CachedTable, first: number, { kind, host }: Mapping, limit: number): number {
    const { clusterSize, subclusters } = this.#geometry;
    if (kind === 'compressed' || subclusters > 1) return 1;
    if (host === undefined) return entriesAlike(table.view, first, limit, 0);
    // What points behind the end of the file has to be refused.
    const inside = this.#rules.hasDataFile ? limit : (this.#file.size - host) / clusterSize;
    return entriesAlike(table.view, first, Math.min(limit, Math.ceil(inside)), clusterSize);
  }

  #l2Index(offset: number): number {
    return Math.floor(offset / this.#geometry.clusterSize) % this.#geometry.l2Entries;
  }

  /** Of the cluster at byte `guest` of the disk. */
  #entry(table: CachedTable, index: number, guest: number): L2Entry {
    const at = index * this.#geometry.l2EntrySize;
    if (isEmpty(table.view, at, this.#geometry)) return EMPTY_ENTRY;
    const entry = readEntry(table.view, at, this.#rules);
    if (typeof entry === 'string') throw this.#fault(table, index, entry);
    const problem = this.#misplaced(entry, guest);
    if (problem !== undefined) throw this.#fault(table, index, problem);
    return entry;
  }

  #misplaced(entry: L2Entry, guest: number): string | undefined {
    const isRead = entry.kind === 'compressed' || entry.data !== 0;
    if (this.#rules.hasDataFile === true) {
      if (entry.kind === 'compressed') return 'is compressed, which nothing in a data file is';
      if (entry.host === undefined || entry.host === guest) return undefined;
      return `points to ${entry.host} of the data file, where ${guest} would be right`;
    }
    if (!isRead || entry.host! < this.#file.size) return undefined;
    return `points to ${entry.host}, but the file ends at ${this.#file.size}`;
  }

  /** Replaces the entries of clusters that one L2 table holds, in one tick. It has to be exclusive. */
  async replace(offset: number, count: number, change: EntryChange): Promise<void> {
    const entry = this.l1.get(this.l1Index(offset));
    if (entry === undefined || !entry.exclusive) throw new TypeError('the L2 table is not ours');
    for (;;) {
      const table = this.tables.peek(entry.offset);
      if (table !== undefined) return this.#replaceIn(table, offset, count, change);
      await this.tables.load(entry.offset);
    }
  }

  #replaceIn(table: CachedTable, offset: number, count: number, change: EntryChange): void {
    const { l2EntrySize, clusterSize } = this.#geometry;
    const first = this.#l2Index(offset);
    // All of them are decoded before one is changed: a wrong entry leaves the table as it was.
    const old = Array.from({ length: count }, (_, i) =>
      this.#entry(table, first + i, offset + i * clusterSize),
    );
    for (const [i, entry] of old.entries()) {
      const next = change(entry, i);
      if (next === undefined) continue;
      const at = (first + i) * l2EntrySize;
      writeEntry(table.view, at, next, this.#geometry);
      this.tables.markDirty(table, at, at + l2EntrySize);
    }
  }

  /** The bytes of an L2 table, for a copy. */
  async copyTable(offset: number): Promise<Uint8Array<ArrayBuffer>> {
    for (;;) {
      const table = this.tables.peek(offset);
      if (table !== undefined) return table.bytes.slice();
      await this.tables.load(offset);
    }
  }

  async writeTables(): Promise<void> {
    await this.tables.writeBack((source, offset) => this.#file.write(source, offset));
  }

  #fault(table: CachedTable, index: number, problem: string): Error {
    return corrupt({
      where: this.#file.label,
      struct: 'L2 table',
      field: `entry ${index}`,
      offset: table.offset + index * this.#geometry.l2EntrySize,
      problem,
    });
  }
}

/** Checked first: most entries of a large disk say nothing. */
function isEmpty(view: DataView, at: number, { l2EntrySize }: Geometry): boolean {
  for (let i = at; i < at + l2EntrySize; i += 4) if (view.getUint32(i) !== 0) return false;
  return true;
}

/** Whether `next`, `distance` bytes behind `first`, goes on where `first` leads. */
function continues(first: Mapping, next: Mapping, distance: number): boolean {
  if (first.kind === 'compressed' || first.kind !== next.kind) return false;
  if (next.exclusive !== first.exclusive) return false;
  return next.host === (first.host === undefined ? undefined : first.host + distance);
}
