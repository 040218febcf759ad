import type { DirtyBitmap } from '@tidemark/core';
import { cellsOf, shade } from '@tidemark/picture';

const CELLS = 64;

/** The drive from start to end as one line of cells, darker where more of it is dirty. */
export function drawLine(bitmap: DirtyBitmap): {
  readonly cells: string;
  readonly cellSize: number;
} {
  const { dirty, cellSize } = cellsOf(bitmap, CELLS);
  return { cells: shade(dirty), cellSize };
}
