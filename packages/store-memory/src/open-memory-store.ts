import {
  type BitmapBackend,
  type BitmapStore,
  createBitmapStore,
  type DirectoryEntry,
  type DirtyBitmap,
  type LiveBackend,
  type ReplaceDirectoryOptions,
  type ResizingBackend,
  TidemarkError,
} from '@tidemark/core';
import type { MemoryDisk } from './memory-disk.ts';

/** Of `openMemoryStore`. */
export interface MemoryStoreOptions {
  /** Default true. */
  readonly writable?: boolean;
}

/**
 * Opens the bitmaps of a disk in memory. They can be live: as long as the disk is there, so are
 * their bits, whatever becomes of the store. A store notices when another one changed them meanwhile,
 * and refuses from then on to read or to change them: STORE_FAILED.
 */
export async function openMemoryStore(
  disk: MemoryDisk,
  { writable = true }: MemoryStoreOptions = {},
): Promise<BitmapStore> {
  return createBitmapStore(new MemoryBackend(disk, { writable }));
}

class MemoryBackend implements BitmapBackend {
  readonly label = 'memory';
  readonly writable: boolean;
  readonly live: LiveBackend = {
    // Whoever opens the disk next finds valid bitmaps on it.
    inUse: false,
    openBits: async (name) => {
      const content = this.#disk.contents.get(name)!;
      return {
        write: async (bytes, at) => {
          this.#assertKnown();
          content.deserialize(bytes, at);
        },
      };
    },
    // What is written is on the disk at once.
    sync: async () => this.#assertKnown(),
  };
  /** The disk in memory has no other size than the one that its bitmaps have. */
  readonly resizing: ResizingBackend = {};
  readonly #disk: MemoryDisk;
  /** The directory as this store knows it. */
  #known: readonly DirectoryEntry[] = [];

  constructor(disk: MemoryDisk, options: { readonly writable: boolean }) {
    this.#disk = disk;
    this.writable = options.writable;
  }

  get diskSize(): number {
    return this.#disk.diskSize;
  }

  async readDirectory(): Promise<readonly DirectoryEntry[]> {
    this.#known = this.#disk.entries;
    return this.#known;
  }

  async readContent({ name }: DirectoryEntry): Promise<DirtyBitmap> {
    this.#assertKnown();
    return this.#disk.contents.get(name)!.clone();
  }

  async replaceDirectory(
    entries: readonly DirectoryEntry[],
    contents: ReadonlyMap<string, DirtyBitmap>,
    { diskSize = this.diskSize }: ReplaceDirectoryOptions = {},
  ): Promise<void> {
    this.#assertKnown();
    const kept = entries.map(({ name }) => {
      return [name, contents.get(name) ?? this.#disk.contents.get(name)!] as const;
    });
    // All at once: a store that is opened meanwhile sees the old ones or the new ones.
    this.#disk.diskSize = diskSize;
    this.#disk.contents = new Map(kept);
    this.#disk.entries = entries;
    this.#known = entries;
  }

  async close(): Promise<void> {}

  /** Else one store would undo what another one did, or write bits that are no longer there. */
  #assertKnown(): void {
    if (this.#disk.entries === this.#known) return;
    const context = { where: this.label, hint: 'open it again, with one store at a time' };
    throw new TidemarkError('STORE_FAILED', 'another store changed the bitmaps', context);
  }
}
