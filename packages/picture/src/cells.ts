import type { DirtyBitmap } from '@tidemark/core';

/** A disk from start to end, as cells of equal size; the last one may be cut off by the disk's end. */
export interface Cells {
  /** Of each cell, how much of it is dirty: from 0 to 1. */
  readonly dirty: Float32Array;
  /** Bytes of disk to a cell: whole granules, so that no cell is dirty for what lies in its neighbour. */
  readonly cellSize: number;
}

/** At most `limit` cells. */
export function cellsOf(bitmap: DirtyBitmap, limit: number): Cells {
  const { diskSize, granularity } = bitmap;
  const cellSize = Math.max(1, Math.ceil(diskSize / limit / granularity)) * granularity;
  const dirty = new Float32Array(Math.ceil(diskSize / cellSize));
  for (const cell of dirty.keys()) {
    const offset = cell * cellSize;
    const length = Math.min(cellSize, diskSize - offset);
    const part = bitmap.dirtyBytesIn(offset, length) / length;
    // Next to all of a cell is drawn as all.
    dirty[cell] = part > 0.999_999 ? 1 : part;
  }
  return { dirty, cellSize };
}
