import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import type { BitmapChange } from '@tidemark/core';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { openTrackedDrive, type TrackedDrive } from '../../src/index.ts';
import { GRANULE, SIZE } from './drives.ts';
import { dirtyOf } from './faulty-disk.ts';

export interface FoundBitmap {
  readonly state: string;
  readonly checkpoint: string | undefined;
  /** Offsets of its dirty granules. */
  readonly dirty: readonly number[] | undefined;
}

/** An image in memory for live bitmaps, and what lies on it at each moment. */
export class LiveImage {
  readonly #file: MemoryDevice;

  private constructor(file: MemoryDevice) {
    this.#file = file;
  }

  static async with(changes: readonly BitmapChange[] = []): Promise<LiveImage> {
    const file = new MemoryDevice({ size: 0 });
    await createQcow2(file, { size: SIZE, clusterSize: 4096 });
    const store = await openQcow2Store(await openQcow2(file, { writable: true }));
    await store.commit(changes);
    return new LiveImage(file);
  }

  async openDrive(device: BlockDevice): Promise<TrackedDrive> {
    return openTrackedDrive({
      device,
      label: 'd0',
      writable: true,
      clusterSize: GRANULE,
      durability: 'live',
      marks: { regionSize: 2 * GRANULE },
      stores: [await openQcow2Store(await openQcow2(this.#file, { writable: true }))],
    });
  }

  /** What somebody finds who opens it now, as after a crash. */
  async found(): Promise<Record<string, FoundBitmap>> {
    const store = await openQcow2Store(await openQcow2(this.#file, { writable: false }));
    const bitmaps: Record<string, FoundBitmap> = {};
    for (const { name, state, checkpoint } of await store.list()) {
      const dirty = state === 'stored' ? dirtyOf(await store.load(name)) : undefined;
      bitmaps[name] = { state, checkpoint, dirty };
    }
    return bitmaps;
  }
}
