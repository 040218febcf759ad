import { isTidemarkError } from '@tidemark/core';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { ImgFailure, notOffered } from '../failure.ts';
import type { Image } from '../open/open-image.ts';
import { inconsistentBitmap } from './bitmap-failures.ts';

const ZEROS = 4 * 1024 * 1024;

/**
 * Gives an open image another size, in bytes, and its bitmaps with it, in one step: what is added is
 * dirty in each. @throws USAGE and others, worded as qemu-img does
 */
export async function resizeImage(
  image: Image,
  size: bigint,
  preallocation = 'off',
): Promise<void> {
  if (image.qcow2 === undefined) return resizeRaw(image, size, preallocation);
  if (preallocation !== 'off') throw notOffered('resize with preallocation of a qcow2 image');
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw tooLarge();
  const { qcow2 } = image;
  if (size % 512n !== 0n) throw new ImgFailure('The new size must be a multiple of 512');
  try {
    if (qcow2.info.bitmapCount === 0) return await qcow2.resize(Number(size));
    await using store = await openQcow2Store(qcow2);
    const broken = (await store.list()).find(({ state }) => state === 'inconsistent');
    if (broken !== undefined) throw inconsistentBitmap(broken.name);
    await store.resize(Number(size));
  } catch (error) {
    if (isTidemarkError(error, 'OUT_OF_RANGE')) throw tooLarge(error);
    throw error;
  }
}

function tooLarge(cause?: unknown): ImgFailure {
  return new ImgFailure('Failed to grow the L1 table: File too large', { cause });
}

async function resizeRaw(image: Image, size: bigint, preallocation: string): Promise<void> {
  if (preallocation === 'metadata')
    throw new ImgFailure('Unsupported preallocation mode: metadata');
  const { file } = image;
  const before = file.size;
  await file.resize(Number(size));
  if (preallocation === 'off') return;
  const zeros = new Uint8Array(ZEROS);
  for (let at = before; at < file.size; at += ZEROS) {
    await file.write(zeros.subarray(0, Math.min(ZEROS, file.size - at)), at);
  }
}
