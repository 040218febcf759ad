import {
  type BitmapState,
  type BitmapStore,
  createBitmapStore,
  type DirectoryEntry,
  DirtyBitmap,
  type ReplaceDirectoryOptions,
  TidemarkError,
} from '@tidemark/core';

/** How a change of the directory ends. `after`: it fails, and is in place all the same. */
type Outcome = 'done' | 'before' | 'after';

/** Bitmaps that outlive their store, as a file would; opening it again is what a crash leaves. */
export class FaultyDisk {
  diskSize: number;
  /** How the next changes end, in order; those after them are done. */
  readonly outcomes: Outcome[] = [];
  /** Bitmaps whose bits cannot be read. */
  readonly unreadable: Set<string> = new Set();
  #changing: Promise<void> = Promise.resolve();
  #entries: readonly DirectoryEntry[] = [];
  #contents: ReadonlyMap<string, DirtyBitmap> = new Map();

  constructor(diskSize: number) {
    this.diskSize = diskSize;
  }

  open({ writable = true }: { readonly writable?: boolean } = {}): Promise<BitmapStore> {
    const sizeNow = () => this.diskSize;
    return createBitmapStore({
      label: 'faulty disk',
      get diskSize() {
        return sizeNow();
      },
      resizing: {},
      writable,
      notLive: 'it is of no such kind',
      readDirectory: async () => this.#entries,
      readContent: async ({ name }) => {
        if (this.unreadable.has(name)) throw new TidemarkError('IO_FAILED', 'unreadable bits');
        return this.#contents.get(name)!.clone();
      },
      replaceDirectory: (entries, contents, options) => this.#replace(entries, contents, options),
      close: async () => {},
    });
  }

  /** What somebody finds who opens it now: after a crash, if it was not closed. */
  async found(): Promise<Record<string, BitmapState>> {
    const store = await this.open({ writable: false });
    return Object.fromEntries((await store.list()).map(({ name, state }) => [name, state]));
  }

  /** Offsets of the dirty granules of a bitmap at rest. */
  async dirty(name: string): Promise<readonly number[]> {
    return dirtyOf(await (await this.open({ writable: false })).load(name));
  }

  /** Keeps changes from being done until the given function is called. */
  stall(): () => void {
    let go = () => {};
    this.#changing = new Promise((resolve) => {
      go = resolve;
    });
    return go;
  }

  /** Adds an entry that this version cannot use, or that a crash left behind. */
  plant(entry: Partial<DirectoryEntry> & { readonly name: string }): void {
    const { name, granularity = 4096 } = entry;
    this.#entries = [...this.#entries, { granularity, enabled: true, inUse: false, ...entry }];
    this.#contents = new Map(this.#contents).set(name, new DirtyBitmap(this.diskSize, granularity));
  }

  async #replace(
    entries: readonly DirectoryEntry[],
    contents: ReadonlyMap<string, DirtyBitmap>,
    { diskSize = this.diskSize }: ReplaceDirectoryOptions = {},
  ): Promise<void> {
    const outcome = this.outcomes.shift() ?? 'done';
    // A change is not done in the tick in which it is asked for.
    await new Promise((resolve) => setImmediate(resolve));
    await this.#changing;
    if (outcome !== 'before') {
      this.#contents = new Map(
        entries.map(({ name }) => [name, contents.get(name) ?? this.#contents.get(name)!]),
      );
      this.#entries = entries;
      this.diskSize = diskSize;
    }
    if (outcome !== 'done') throw new TidemarkError('IO_FAILED', 'a planned fault');
  }
}

export function dirtyOf(bitmap: DirtyBitmap): readonly number[] {
  const offsets: number[] = [];
  for (const { offset, length } of bitmap.dirtyExtents()) {
    for (let at = offset; at < offset + length; at += bitmap.granularity) offsets.push(at);
  }
  return offsets;
}
