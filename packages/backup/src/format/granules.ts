import { TidemarkError } from '@tidemark/core';

/** Bytes of the drive to a granule at least. */
export const MIN_GRANULARITY = 4096;
/** Bytes of the drive to a granule at most. */
export const MAX_GRANULARITY = 1024 * 1024;
/** Bytes of the drive to a granule where nothing says otherwise. */
export const DEFAULT_GRANULARITY = 65_536;

/** A drive cut into granules; the last one may be shorter. */
export interface Granules {
  /** Bytes of the drive. */
  readonly size: number;
  /** Bytes of a granule: a power of two. */
  readonly granularity: number;
}

/** Whether granules can have so many bytes: a power of two within the bounds. */
export function isGranularity(value: number): boolean {
  return value >= MIN_GRANULARITY && value <= MAX_GRANULARITY && Number.isInteger(Math.log2(value));
}

/** @throws USAGE */
export function checkGranularity(value: number): void {
  if (isGranularity(value)) return;
  throw new TidemarkError('USAGE', `${value} is not a granularity of backups`, {
    field: 'granularity',
    hint: `give a power of two from ${MIN_GRANULARITY} to ${MAX_GRANULARITY}`,
  });
}

/** How many granules a drive has. */
export function granuleCount({ size, granularity }: Granules): number {
  return Math.ceil(size / granularity);
}

/** Bytes of the granules [first, first + count), the last of which may be short. */
export function granuleBytes(drive: Granules, first: number, count: number): number {
  const end = Math.min(drive.size, (first + count) * drive.granularity);
  return end - first * drive.granularity;
}

/** The largest multiple of a granule up to `offset`. */
export function roundDown(offset: number, granularity: number): number {
  return offset - (offset % granularity);
}

/** The smallest multiple of a granule from `offset`, or the drive's end. */
export function roundUp(offset: number, { size, granularity }: Granules): number {
  return Math.min(size, Math.ceil(offset / granularity) * granularity);
}
