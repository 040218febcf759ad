import { openFileDevice } from '@tidemark/block';
import type { BitmapStore } from '@tidemark/core';
import { openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '../../src/index.ts';

/** Does something with the bitmaps of an image file, and closes it. */
export async function withStore<T>(
  path: string,
  options: { readonly writable: boolean },
  work: (store: BitmapStore) => Promise<T>,
): Promise<T> {
  await using image = await openQcow2(await openFileDevice(path, options), options);
  await using store = await openQcow2Store(image);
  return await work(store);
}
