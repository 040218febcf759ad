import type { DirtyBitmap } from '@tidemark/core';
import { DEFAULT_REGION_SIZE } from './live/open-regions.ts';

/** What can be said of a bitmap whose last session ended without a close. Bytes of disk. */
export interface RecoveryInfo {
  /** What it calls dirty now. */
  readonly dirty: number;
  /**
   * Of it, what lies in regions that are dirty as a whole: at most so much is marked beyond what was
   * written. How much of it is, nobody knows any more.
   */
  readonly wholeRegions: number;
}

/** `regionSize`: bytes of disk that were marked at once. Default: as `openTrackedDrive` has it. */
export function describeRecovery(
  bitmap: DirtyBitmap,
  regionSize = DEFAULT_REGION_SIZE,
): RecoveryInfo {
  let dirty = 0;
  let wholeRegions = 0;
  for (const { offset, length } of bitmap.dirtyExtents()) {
    const end = offset + length;
    const first = Math.ceil(offset / regionSize) * regionSize;
    const last = end === bitmap.diskSize ? end : Math.floor(end / regionSize) * regionSize;
    dirty += length;
    wholeRegions += Math.max(0, last - first);
  }
  return { dirty, wholeRegions };
}
