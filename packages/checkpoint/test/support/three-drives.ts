import { type BlockDevice, type DriveFacts, MemoryDevice } from '@tidemark/block';
import { type BitmapStore, DirtyBitmap } from '@tidemark/core';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { createSidecar, openSidecarStore } from '@tidemark/store-sidecar';
import type { CheckpointPart } from '../../src/index.ts';

export const SIZE = 64 * 512;
export const GRANULE = 512;
export const OLD = '0'.repeat(32);
export const SET = 'c'.repeat(32);

/** Granules that are dirty since `OLD`, by drive; the last drive has no bitmap. */
export const DIRTY: readonly (readonly number[] | undefined)[] = [[1, 5], [2], undefined];
export const PLACES = ['/vm/a.qcow2', '/vm/b.raw', '/vm/c.qcow2'];

const FACTS: DriveFacts = {
  kind: 'file',
  size: SIZE,
  modified: 1n,
  changed: 1n,
  born: 1n,
  inode: 2n,
  device: 3n,
};

interface FilesShape {
  /** The name of a file behind the first image. It takes room in the header, and is not opened. */
  readonly backing?: string;
}

/** Two images, and between them the sidecar of a raw drive. */
export async function makeFiles({ backing }: FilesShape = {}): Promise<readonly MemoryDevice[]> {
  const files: MemoryDevice[] = [];
  for (const [index, dirty] of DIRTY.entries()) {
    const file = new MemoryDevice({ size: 0 });
    if (index === 1) await createSidecar(file, { diskSize: SIZE, clusterSize: 512 });
    else {
      const behind = index === 0 && backing !== undefined ? { backing: { name: backing } } : {};
      await createQcow2(file, { size: SIZE, clusterSize: 512, ...behind });
    }
    const { store, close } = await openOn(file, index);
    if (dirty !== undefined) {
      const content = bitmapOf(dirty);
      await store.commit([
        { op: 'create', name: 'n', enabled: true, content, checkpoint: OLD },
        { op: 'create', name: 'other', enabled: true, content, checkpoint: OLD },
      ]);
    }
    await close();
    files.push(file);
  }
  return files;
}

/** The store of a drive on its file, which stays open when the store is closed. */
export async function openOn(
  file: BlockDevice,
  index: number,
): Promise<{ readonly store: BitmapStore; readonly close: () => Promise<void> }> {
  const device = unclosed(file);
  if (index === 1) {
    const drive = { label: 'raw drive', size: SIZE, facts: async () => FACTS };
    const store = await openSidecarStore({ drive, sidecar: device });
    return { store, close: () => store.close() };
  }
  const image = await openQcow2(device, { writable: file.writable, skipBacking: true });
  const store = await openQcow2Store(image);
  const close = async () => {
    await store.close();
    await image.close();
  };
  return { store, close };
}

export function bitmapOf(granules: readonly number[]): DirtyBitmap {
  const bitmap = new DirtyBitmap(SIZE, GRANULE);
  for (const granule of granules) bitmap.set(granule * GRANULE, 1);
  return bitmap;
}

/** Clears the bitmap where there is one, and else adds it. */
export async function partOf(store: BitmapStore): Promise<CheckpointPart> {
  const found = (await store.list()).find(({ name }) => name === 'n');
  const base = { name: 'n', enabled: true, content: bitmapOf([]), checkpoint: SET };
  return {
    store,
    changes: [found === undefined ? { op: 'create', ...base } : { op: 'store', ...base }],
    bitmaps: [
      {
        change: 'put',
        name: 'n',
        granularity: GRANULE,
        enabled: true,
        before: found?.checkpoint ?? null,
        after: SET,
      },
    ],
  };
}

/** What is known of the bitmap of a drive: its checkpoint, and its dirty granules. */
export async function stateOf(store: BitmapStore) {
  const found = (await store.list()).find(({ name }) => name === 'n');
  if (found === undefined) return undefined;
  const bits = await store.load('n');
  const dirty = Array.from({ length: SIZE / GRANULE }, (_, granule) => granule).filter((granule) =>
    bits.isDirty(granule * GRANULE),
  );
  return { checkpoint: found.checkpoint, lost: found.checkpointLost, dirty };
}

function unclosed(file: BlockDevice): BlockDevice {
  return new Proxy(file, {
    get(target, key) {
      if (key === 'close' || key === Symbol.asyncDispose) return async () => {};
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
