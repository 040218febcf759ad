import type { BitmapStore } from '@tidemark/core';
import { MemoryDisk, openMemoryStore } from '@tidemark/store-memory';

/** A store for bitmaps of a disk of `diskSize` bytes that end with the process. */
export async function openMemoryBitmaps(diskSize: number): Promise<BitmapStore> {
  return openMemoryStore(new MemoryDisk(diskSize));
}
