import {
  type BitmapBackend,
  type BitmapStore,
  createBitmapStore,
  type DirectoryEntry,
  type DirtyBitmap,
} from '@tidemark/core';
import type { MemoryDisk } from './memory-disk.ts';

export interface MemoryStoreOptions {
  /** Default true. */
  readonly writable?: boolean;
}

/** Opens the bitmaps of a disk in memory. Several stores may be open on one disk, one writable. */
export async function openMemoryStore(
  disk: MemoryDisk,
  { writable = true }: MemoryStoreOptions = {},
): Promise<BitmapStore> {
  return createBitmapStore(new MemoryBackend(disk, { writable }));
}

class MemoryBackend implements BitmapBackend {
  readonly label = 'memory';
  readonly writable: boolean;
  readonly #disk: MemoryDisk;

  constructor(disk: MemoryDisk, options: { readonly writable: boolean }) {
    this.#disk = disk;
    this.writable = options.writable;
  }

  get diskSize(): number {
    return this.#disk.diskSize;
  }

  async readDirectory(): Promise<readonly DirectoryEntry[]> {
    return this.#disk.entries;
  }

  async readContent({ name }: DirectoryEntry): Promise<DirtyBitmap> {
    return this.#disk.contents.get(name)!.clone();
  }

  async replaceDirectory(
    entries: readonly DirectoryEntry[],
    contents: ReadonlyMap<string, DirtyBitmap>,
  ): Promise<void> {
    const kept = entries.map(({ name }) => {
      return [name, contents.get(name) ?? this.#disk.contents.get(name)!] as const;
    });
    // Both at once: a store that is opened meanwhile sees the old pair or the new one.
    this.#disk.contents = new Map(kept);
    this.#disk.entries = entries;
  }

  async close(): Promise<void> {}
}
