import { openFileDevice } from '@tidemark/block';
import { NewImage, type NewImageOptions } from '@tidemark/qcow2';
import { makeWhole } from './whole-file.ts';

/** Bytes: a disk takes longer for them than a flush of its own costs. */
const FLUSH_EVERY = 16 * 1024 * 1024;

/**
 * Makes a new qcow2 image that `fill` writes in the order of the disk, for a program that has nothing
 * else to do meanwhile. It appears under its name when it is whole and durable; when anything fails
 * before, nothing is left. @throws FILE_EXISTS, NO_SPACE, PERMISSION_DENIED, and what `fill` throws
 */
export async function createWholeImage<T>(
  path: string,
  options: NewImageOptions,
  fill: (image: NewImage) => Promise<T>,
): Promise<T> {
  return makeWhole(path, async (temporary) => {
    // It does not wait for flushes that are made beside other work.
    const how = { writable: true, create: 'exclusive', lock: false, helper: false } as const;
    const file = await openFileDevice(temporary, how);
    try {
      const image = await NewImage.begin(file, { flushEvery: FLUSH_EVERY, ...options });
      try {
        const result = await fill(image);
        await image.finish();
        return result;
      } catch (error) {
        // Before the file is closed under it.
        await image.abandon();
        throw error;
      }
    } finally {
      await file.close();
    }
  });
}
