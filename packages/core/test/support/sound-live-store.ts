import { createBitmapStore } from '../../src/create-bitmap-store.ts';
import { LIVE_SECTOR_BYTES, type LiveBackend } from '../../src/live.ts';
import type { BitmapBackend } from '../../src/backend.ts';
import type { BitmapStore } from '../../src/store.ts';
import { makeDisk, overriding, type SoundDisk, soundBackend } from './sound-store.ts';

/** Bits that were written and that no sync made durable. */
interface CachedBits {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly at: number;
}

/** A disk with a volatile cache for the bits of live bitmaps. */
export interface LiveDisk extends SoundDisk {
  cached: readonly CachedBits[];
}

export function makeLiveDisk(diskSize: number): LiveDisk {
  return { ...makeDisk(diskSize), cached: [] };
}

/** Of what is in the cache, every other write is lost. */
export function losePower(disk: LiveDisk): void {
  disk.cached = disk.cached.filter((_, index) => index % 2 === 1);
  makeDurable(disk);
}

function makeDurable(disk: LiveDisk): void {
  for (const { name, bytes, at } of disk.cached) disk.contents.get(name)?.deserialize(bytes, at);
  disk.cached = [];
}

/** Puts bits in the disk's cache in pieces, each of which is written whole or not at all. */
export function cacheBits(
  disk: LiveDisk,
  { name, bytes, at }: CachedBits,
  pieceSize: number = LIVE_SECTOR_BYTES,
): void {
  for (let start = 0; start < bytes.length; start += pieceSize) {
    const piece = bytes.slice(start, start + pieceSize);
    disk.cached = [...disk.cached, { name, bytes: piece, at: at + start }];
  }
}

export function soundLive(disk: LiveDisk): LiveBackend {
  return {
    inUse: false,
    async openBits(name) {
      return {
        async write(bytes, at) {
          await Promise.resolve();
          cacheBits(disk, { name, bytes, at });
        },
      };
    },
    async sync() {
      await Promise.resolve();
      makeDurable(disk);
    },
  };
}

/** A backend that keeps bitmaps valid while they are in use, and does what is asked of it. */
export function soundLiveBackend(disk: LiveDisk, writable: boolean): BitmapBackend {
  const sound = soundBackend(disk, writable);
  return overriding(sound, {
    live: soundLive(disk),
    async readContent(entry) {
      const content = await sound.readContent(entry);
      for (const { name, bytes, at } of disk.cached) {
        if (name === entry.name) content.deserialize(bytes, at);
      }
      return content;
    },
    async replaceDirectory(entries, contents, options) {
      makeDurable(disk);
      await sound.replaceDirectory(entries, contents, options);
    },
  });
}

export async function openSoundLive(disk: LiveDisk, writable = true): Promise<BitmapStore> {
  return createBitmapStore(soundLiveBackend(disk, writable));
}
