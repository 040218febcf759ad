import { type BitmapStore, isTidemarkError } from '@tidemark/core';
import type { Qcow2Image } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { ImgFailure } from '../failure.ts';
import { describeError } from '../open/describe-error.ts';
import type { Image } from '../open/open-image.ts';
import { inconsistentBitmap } from './bitmap-failures.ts';
import { fullQcow2Size } from './qcow2-size.ts';
import { bitmapsBeside, refuseLent } from './sidecar-beside.ts';

const ZEROS = 4 * 1024 * 1024;

/** As qemu-img calls it. */
export type ResizePreallocation = 'off' | 'metadata' | 'falloc' | 'full';

export interface ResizeImageOptions {
  /** Of what is added. */
  readonly preallocation: ResizePreallocation;
  readonly warn: (text: string) => void;
}

/**
 * Gives an open image another size, in bytes, and its bitmaps with it, in one step: what is added is
 * dirty in each. @throws USAGE and others, worded as qemu-img does
 */
export async function resizeImage(
  image: Image,
  size: bigint,
  options: ResizeImageOptions,
): Promise<void> {
  const { preallocation } = options;
  if (image.qcow2 === undefined) return resizeRaw(image, size, options);
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw tooLarge();
  const { qcow2, dataPath } = image;
  if (dataPath !== undefined) await refuseLent(dataPath);
  if (size % 512n !== 0n) throw new ImgFailure('The new size must be a multiple of 512');
  try {
    qcow2.metadata.checkSize(Number(size));
    if (qcow2.info.bitmapCount === 0) {
      await setAside(image, Number(size), preallocation);
      await resizeQcow2(qcow2, qcow2, Number(size), preallocation);
      return;
    }
    await using store = await openQcow2Store(qcow2);
    const broken = (await store.list()).find(({ state }) => state === 'inconsistent');
    if (broken !== undefined) throw inconsistentBitmap(broken.name);
    await setAside(image, Number(size), preallocation);
    await resizeQcow2(qcow2, store, Number(size), preallocation);
  } catch (error) {
    if (isTidemarkError(error, 'OUT_OF_RANGE')) throw tooLarge(error);
    throw error;
  }
}

/**
 * Space for what is added, before anything of the image changes: there may be none. A data file gives its
 * own back as the disk grows, and is known to find it again.
 */
async function setAside(
  { qcow2, file, dataFile }: Image,
  size: number,
  preallocation: ResizePreallocation,
): Promise<void> {
  if (preallocation !== 'falloc' && preallocation !== 'full') return;
  const device = dataFile ?? file;
  const before = device.size;
  const added = dataFile === undefined ? addedBytes(qcow2!, size) : size - before;
  if (added <= 0) return;
  try {
    await device.resize(before + added);
    await device.writeZeroes(before, added, { unmap: false });
  } catch (error) {
    await device.resize(before).catch(() => {});
    const isInData = dataFile !== undefined;
    throw new ImgFailure(`${noRoom(preallocation, isInData)}: ${describeError(error)}`, {
      code: isTidemarkError(error) ? error.code : 'IO_FAILED',
      cause: error,
    });
  }
}

function addedBytes(qcow2: Qcow2Image, size: number): number {
  const { clusterSize, refcountBits, extendedL2 } = qcow2.info;
  const geometry = { clusterSize, refcountBits, extendedL2 };
  return fullQcow2Size(size, geometry) - fullQcow2Size(qcow2.size, geometry);
}

function noRoom(preallocation: 'falloc' | 'full', isInData: boolean): string {
  const full = 'Could not write zeros for preallocation';
  if (isInData) return preallocation === 'full' ? full : 'Could not preallocate new data';
  const what = preallocation === 'full' ? full : 'Could not preallocate data for the new file';
  return `Failed to resize underlying file: ${what}`;
}

/** `sized`: the image, or the bitmaps in it, which resize it too. */
async function resizeQcow2(
  qcow2: Qcow2Image,
  sized: Pick<BitmapStore, 'resize'>,
  size: number,
  preallocation: ResizePreallocation,
): Promise<void> {
  const before = qcow2.size;
  await sized.resize(size);
  if (preallocation === 'off' || size === before) return;
  try {
    await qcow2.preallocate(before, size - before, preallocation);
  } catch (error) {
    // The first error is the one to report.
    await sized.resize(before, { isUndo: true }).catch(() => {});
    throw error;
  }
}

function tooLarge(cause?: unknown): ImgFailure {
  return new ImgFailure('Failed to grow the L1 table: File too large', { cause });
}

/** With the bitmaps that are kept beside it. */
async function resizeRaw(
  image: Image,
  size: bigint,
  { preallocation, warn }: ResizeImageOptions,
): Promise<void> {
  if (preallocation === 'metadata')
    throw new ImgFailure('Unsupported preallocation mode: metadata');
  if (image.isRemote === true) throw new ImgFailure('Cannot resize NBD nodes');
  const store = await bitmapsBeside(image, { warn });
  try {
    await resizeBoth(image, Number(size), { preallocation, store });
  } finally {
    await store?.close();
  }
}

interface ResizeBothOptions {
  readonly preallocation: ResizePreallocation;
  readonly store: BitmapStore | undefined;
}

/** Bitmaps first: until the file has followed, they are known to be ahead of it. */
async function resizeBoth(
  { file }: Image,
  size: number,
  { preallocation, store }: ResizeBothOptions,
): Promise<void> {
  const before = file.size;
  await store?.resize(size);
  try {
    await file.resize(size);
    if (preallocation !== 'off') await writeZeros(file, before);
  } catch (error) {
    // The first error is the one to report; what cannot be taken back, the next open takes back.
    if (size > before) await file.resize(before).catch(() => {});
    await store?.resize(before, { isUndo: size > before }).catch(() => {});
    await store?.confirmSize().catch(() => {});
    throw error;
  }
  if (store === undefined) return;
  await file.flush();
  await store.confirmSize();
}

/** The space is there then, whatever the file system. */
async function writeZeros(file: Image['file'], from: number): Promise<void> {
  const zeros = new Uint8Array(ZEROS);
  for (let at = from; at < file.size; at += ZEROS) {
    await file.write(zeros.subarray(0, Math.min(ZEROS, file.size - at)), at);
  }
}
