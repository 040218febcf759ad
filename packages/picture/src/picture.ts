import type { DirtyBitmap } from '@tidemark/core';
import { cellsOf } from './cells.ts';

/** One row of cells, from left to right in the order of the disk. */
export interface PictureRow {
  /** What stands before it. */
  readonly label: string;
  /** From 0 (clean) to 1 (all dirty), one to a cell. */
  readonly dirty: Float32Array;
  /** What stands behind it. */
  readonly note?: string;
}

/** What is drawn, whichever way. */
export interface Picture {
  readonly title: string;
  /** One sentence, for those who cannot see it. */
  readonly description: string;
  readonly rows: readonly PictureRow[];
  /** Bytes of disk. */
  readonly cellSize: number;
}

/** How `foldBitmap` makes cells of a bitmap. */
export interface FoldOptions {
  readonly title: string;
  readonly description: string;
  /** Cells to a row. Default 64. */
  readonly columns?: number;
  /** At most; fewer where the disk has fewer granules. Default 16. */
  readonly rows?: number;
  /** Writes the offset at which a row begins, in bytes. */
  readonly label: (offset: number) => string;
}

/** The disk of a bitmap, folded into rows as a page is. */
export function foldBitmap(bitmap: DirtyBitmap, options: FoldOptions): Picture {
  const { title, description, columns = 64, rows = 16, label } = options;
  const { dirty, cellSize } = cellsOf(bitmap, columns * rows);
  const folded: PictureRow[] = [];
  for (let first = 0; first < dirty.length; first += columns) {
    folded.push({ label: label(first * cellSize), dirty: dirty.subarray(first, first + columns) });
  }
  return { title, description, rows: folded, cellSize };
}
