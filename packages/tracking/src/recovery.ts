import type { DirtyBitmap } from '@tidemark/core';
import { bytesPerSector } from './live/live-bitmap.ts';
import { DEFAULT_REGION_SIZE } from './live/open-regions.ts';

/** What can be said of a bitmap whose last session ended without a close. Bytes of disk. */
export interface RecoveryInfo {
  /** What it calls dirty now. */
  readonly dirty: number;
  /**
   * Of it, what lies in stretches that are dirty as a whole, of the size that is marked at once at
   * least: at most so much is marked beyond what was written, also where a stream, or want of room,
   * has marked many of them. How much of it is, nobody knows any more.
   */
  readonly wholeRegions: number;
}

/** `regionSize`: bytes of disk that were marked at once. Default: as `openTrackedDrive` has it. */
export function describeRecovery(
  bitmap: DirtyBitmap,
  regionSize = DEFAULT_REGION_SIZE,
): RecoveryInfo {
  const unit = unitOf(bitmap.granularity, regionSize);
  let dirty = 0;
  let wholeRegions = 0;
  for (const { offset, length } of bitmap.dirtyExtents()) {
    const end = offset + length;
    const first = Math.ceil(offset / unit) * unit;
    const last = end === bitmap.diskSize ? end : Math.floor(end / unit) * unit;
    dirty += length;
    wholeRegions += Math.max(0, last - first);
  }
  return { dirty, wholeRegions };
}

/** Bytes of disk: whatever is marked beyond a write is a whole number of these, see `partOf`. */
function unitOf(granularity: number, regionSize: number): number {
  const sector = bytesPerSector(granularity);
  // A mark is the write's own granules then; only a part without room has more, sectors of bits.
  return granularity > regionSize ? sector : Math.min(regionSize, sector);
}
