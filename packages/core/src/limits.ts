import { TidemarkError } from './errors.ts';

/** Bytes of disk to a bit: QEMU's limits for a stored bitmap (qcow2: granularity_bits 9..31). */
export const MIN_GRANULARITY = 512;
/** Bytes of disk to a bit at most, see `MIN_GRANULARITY`. */
export const MAX_GRANULARITY: number = 2 ** 31;

/** Bytes of bits in one bitmap; QEMU stores no larger one. */
export const MAX_BITMAP_BYTES: number = 512 * 1024 * 1024;

/** Bytes of UTF-8. */
export const MAX_NAME_BYTES = 1023;

/** Bitmaps of one disk. */
export const MAX_BITMAPS = 65_535;

/** @throws BITMAP_INVALID: not a power of two from 512 B to 2 GiB */
export function checkGranularity(granularity: number): void {
  const isPowerOfTwo = Number.isInteger(granularity) && (granularity & (granularity - 1)) === 0;
  if (isPowerOfTwo && granularity >= MIN_GRANULARITY && granularity <= MAX_GRANULARITY) return;
  throw new TidemarkError('BITMAP_INVALID', `granularity ${granularity} is not possible`, {
    hint: 'use a power of two from 512 to 2147483648 bytes',
  });
}

/** @throws BITMAP_INVALID: not 32 hexadecimal digits */
export function checkCheckpoint(checkpoint: string): void {
  if (/^[0-9a-f]{32}$/.test(checkpoint)) return;
  throw new TidemarkError('BITMAP_INVALID', `'${cut(checkpoint)}' does not name a checkpoint`, {
    hint: 'use 32 hexadecimal digits',
  });
}

/** @throws BITMAP_INVALID: not 1 to 1023 bytes of UTF-8, or with a NUL in it */
export function checkBitmapName(name: string): void {
  const bytes = new TextEncoder().encode(name).length;
  if (bytes >= 1 && bytes <= MAX_NAME_BYTES && !name.includes('\0') && name.isWellFormed()) return;
  const what =
    bytes === 0 ? 'a bitmap name cannot be empty' : `bitmap name '${cut(name)}' is not possible`;
  throw new TidemarkError('BITMAP_INVALID', what, {
    hint: `use 1 to ${MAX_NAME_BYTES} bytes of UTF-8 without NUL`,
  });
}

/** The granularity of a new bitmap, in bytes, as QEMU chooses it: by the image's cluster size. */
export function defaultGranularity(clusterSize = 65_536): number {
  return Math.min(65_536, Math.max(4096, clusterSize));
}

function cut(name: string): string {
  return name.length > 40 ? `${name.slice(0, 40)}...` : name;
}
