import { createBitmapStore } from '../../src/create-bitmap-store.ts';
import type { DirtyBitmap } from '../../src/dirty-bitmap.ts';
import type { BitmapBackend, DirectoryEntry } from '../../src/backend.ts';
import type { BitmapStore } from '../../src/store.ts';

/** What outlives a store: all that a crash leaves. */
export interface SoundDisk {
  diskSize: number;
  entries: readonly DirectoryEntry[];
  contents: Map<string, DirtyBitmap>;
}

export function makeDisk(diskSize: number): SoundDisk {
  return { diskSize, entries: [], contents: new Map() };
}

/** Names of bitmaps that others find in use. */
export function namesInUse({ entries }: SoundDisk): readonly string[] {
  return entries.filter(({ inUse }) => inUse).map(({ name }) => name);
}

/** A backend that does what is asked of it, taking turns with whoever else runs. */
export function soundBackend(disk: SoundDisk, writable: boolean): BitmapBackend {
  return {
    label: 'sound',
    get diskSize() {
      return disk.diskSize;
    },
    writable,
    resizing: {},
    async readDirectory() {
      await Promise.resolve();
      return disk.entries;
    },
    async readContent({ name }) {
      await Promise.resolve();
      return disk.contents.get(name)!.clone();
    },
    async replaceDirectory(entries, contents, { diskSize = disk.diskSize } = {}) {
      await Promise.resolve();
      disk.diskSize = diskSize;
      const kept = entries.map(({ name }) => {
        return [name, contents.get(name) ?? disk.contents.get(name)!] as const;
      });
      disk.contents = new Map(kept);
      disk.entries = entries;
    },
    async close() {},
  };
}

export async function openSound(disk: SoundDisk, writable = true): Promise<BitmapStore> {
  return createBitmapStore(soundBackend(disk, writable));
}

/** The same object with some members put in place of its own. */
export function overriding<T extends object>(target: T, members: Partial<T>): T {
  return new Proxy(target, {
    get(_, key) {
      const owner: object = key in members ? members : target;
      const value: unknown = Reflect.get(owner, key, owner);
      return typeof value === 'function' ? value.bind(owner) : value;
    },
  });
}
