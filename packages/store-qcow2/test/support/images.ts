import { openFileDevice } from '@tidemark/block';
import { type BitmapStore, DirtyBitmap } from '@tidemark/core';
import { createQcow2, type CreateQcow2Options, openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '../../src/index.ts';

export const SIZE = 8 * 1024 * 1024;

export async function withStore<T>(
  path: string,
  work: (store: BitmapStore) => Promise<T>,
  { writable = true }: { readonly writable?: boolean } = {},
): Promise<T> {
  const file = await openFileDevice(path, { writable, lock: false });
  await using image = await openQcow2(file, { writable, skipBacking: true });
  await using store = await openQcow2Store(image);
  return await work(store);
}

export interface ImageOptions extends Partial<CreateQcow2Options> {
  /** Names of bitmaps, each of which is given a checkpoint, one after the other. */
  readonly checkpoints?: readonly string[];
}

/** 32 hexadecimal digits for a place in a list. */
const checkpointAt = (index: number): string => index.toString(16).padStart(32, '0');

export async function makeImage(path: string, options: ImageOptions = {}): Promise<void> {
  const { checkpoints = [], ...create } = options;
  const file = await openFileDevice(path, { writable: true, create: 'exclusive', lock: false });
  await createQcow2(file, { size: SIZE, ...create });
  await file.close();
  await withStore(path, async (store) => {
    const content = new DirtyBitmap(SIZE, 65_536);
    for (const name of checkpoints) {
      await store.commit([{ op: 'create', name, enabled: true, content }]);
    }
    for (const [index, name] of checkpoints.entries()) {
      await store.commit([{ op: 'store', name, content, checkpoint: checkpointAt(index + 1) }]);
    }
  });
}

export async function checkpointsOf(path: string): Promise<Record<string, string | undefined>> {
  const infos = await withStore(path, (store) => store.list(), { writable: false });
  return Object.fromEntries(infos.map(({ name, checkpoint }) => [name, checkpoint]));
}

export async function idOf(path: string): Promise<string | undefined> {
  return withStore(path, async (store) => store.id, { writable: false });
}
