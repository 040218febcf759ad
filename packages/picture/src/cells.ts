import type { DirtyBitmap } from '@tidemark/core';

/** A disk from start to end, as cells of equal size; the last one may be cut off by the disk's end. */
export interface Cells {
  /** Of each cell, how much of it is dirty: from 0 to 1. */
  readonly dirty: Float32Array;
  /** Bytes of disk to a cell: whole granules, so that no cell is dirty for what lies in its neighbour. */
  readonly cellSize: number;
}

/** At most `limit` cells. It takes as long as the bitmap has dirty ranges. */
export function cellsOf(bitmap: DirtyBitmap, limit: number): Cells {
  const { diskSize, granularity } = bitmap;
  const cellSize = Math.max(1, Math.ceil(diskSize / limit / granularity)) * granularity;
  const dirty = new Float32Array(Math.ceil(diskSize / cellSize));
  for (const { offset, length } of bitmap.dirtyExtents()) {
    const end = offset + length;
    for (let at = offset; at < end;) {
      const cell = Math.floor(at / cellSize);
      const next = Math.min((cell + 1) * cellSize, end);
      dirty[cell]! += (next - at) / Math.min(cellSize, diskSize - cell * cellSize);
      at = next;
    }
  }
  // Sums of many small parts: what is all dirty is to be 1.
  for (const [cell, part] of dirty.entries()) if (part > 0.999_999) dirty[cell] = 1;
  return { dirty, cellSize };
}
