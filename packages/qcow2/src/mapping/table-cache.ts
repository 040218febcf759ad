/** One cluster of metadata in memory: an L2 table or a refcount block. */
export interface CachedTable {
  /** Host offset. */
  readonly offset: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  /** The range that is newer than on disk; empty when `from` is not below `to`. Bytes. */
  dirtyFrom: number;
  dirtyTo: number;
}

export interface TableCacheOptions {
  readonly read: (offset: number, length: number) => Promise<Uint8Array<ArrayBuffer>>;
  readonly tableSize: number;
}

/** Bytes of clean tables that a cache keeps, but never fewer than `MIN_TABLES`. */
const CACHE_BYTES = 4 * 1024 * 1024;
const MIN_TABLES = 4;
const MAX_TABLES = 1024;

/**
 * Tables by host offset, least recently used first out. Only clean ones go: who makes them dirty
 * looks at `mustWriteBack`. Between an `await` and the use of a table it may be gone, so callers
 * `peek` in the tick in which they read or change it.
 */
export class TableCache {
  readonly #tables = new Map<number, CachedTable>();
  readonly #dirty = new Set<CachedTable>();
  readonly #loading = new Map<number, Promise<void>>();
  readonly #options: TableCacheOptions;
  readonly #limit: number;

  constructor(options: TableCacheOptions) {
    this.#options = options;
    const fitting = Math.floor(CACHE_BYTES / options.tableSize);
    this.#limit = Math.min(MAX_TABLES, Math.max(MIN_TABLES, fitting));
  }

  get dirtyCount(): number {
    return this.#dirty.size;
  }

  /** Half of the cache is dirty: write back before more is changed, to keep memory bounded. */
  get mustWriteBack(): boolean {
    return this.#dirty.size * 2 >= this.#limit;
  }

  peek(offset: number): CachedTable | undefined {
    const table = this.#tables.get(offset);
    if (table === undefined) return undefined;
    this.#tables.delete(offset);
    this.#tables.set(offset, table);
    return table;
  }

  /** Two callers that want one table share one read. */
  load(offset: number): Promise<void> {
    let loading = this.#loading.get(offset);
    if (loading === undefined) {
      loading = this.#read(offset, () => this.#loading.get(offset) === loading).finally(() => {
        if (this.#loading.get(offset) === loading) this.#loading.delete(offset);
      });
      this.#loading.set(offset, loading);
    }
    return loading;
  }

  async #read(offset: number, isCurrent: () => boolean): Promise<void> {
    const bytes = await this.#options.read(offset, this.#options.tableSize);
    // Dropped or put in meanwhile: the cluster may hold something else than what was read.
    if (isCurrent()) this.#insert(offset, bytes);
  }

  /** Takes in a table that is not on disk yet: all of it is dirty. */
  put(offset: number, bytes: Uint8Array<ArrayBuffer>): CachedTable {
    this.drop(offset);
    const table = this.#insert(offset, bytes);
    this.markDirty(table, 0, bytes.length);
    return table;
  }

  /** Forgets a table whose cluster is no longer one. */
  drop(offset: number): void {
    this.#loading.delete(offset);
    const table = this.#tables.get(offset);
    if (table === undefined) return;
    this.#tables.delete(offset);
    this.#dirty.delete(table);
  }

  markDirty(table: CachedTable, from: number, to: number): void {
    table.dirtyFrom = Math.min(table.dirtyFrom, from);
    table.dirtyTo = Math.max(table.dirtyTo, to);
    this.#dirty.add(table);
  }

  /** Nobody may change a table meanwhile. A table stays dirty when its write fails. */
  async writeBack(write: (source: Uint8Array, offset: number) => Promise<void>): Promise<void> {
    for (const table of [...this.#dirty].sort((a, b) => a.offset - b.offset)) {
      const dirty = table.bytes.subarray(table.dirtyFrom, table.dirtyTo);
      await write(dirty, table.offset + table.dirtyFrom);
      table.dirtyFrom = table.bytes.length;
      table.dirtyTo = 0;
      this.#dirty.delete(table);
    }
  }

  #insert(offset: number, bytes: Uint8Array<ArrayBuffer>): CachedTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const table = { offset, bytes, view, dirtyFrom: bytes.length, dirtyTo: 0 };
    this.#tables.set(offset, table);
    this.#evict();
    return table;
  }

  #evict(): void {
    if (this.#tables.size <= this.#limit) return;
    const newest = [...this.#tables.keys()].at(-1);
    for (const [offset, table] of this.#tables) {
      if (this.#tables.size <= this.#limit) return;
      if (!this.#dirty.has(table) && offset !== newest) this.#tables.delete(offset);
    }
  }
}
