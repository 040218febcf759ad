import type { DirectoryEntry, DirtyBitmap } from '@tidemark/core';

/** Where an in-memory store keeps its bitmaps. It outlives the store, as a file would. */
export class MemoryDisk {
  /** Bytes. A store can change it, with its bitmaps. */
  diskSize: number;
  /** What the store reads and replaces whole, bits of live bitmaps apart; not for anybody else. */
  entries: readonly DirectoryEntry[] = [];
  contents: ReadonlyMap<string, DirtyBitmap> = new Map();

  constructor(diskSize: number) {
    this.diskSize = diskSize;
  }
}
