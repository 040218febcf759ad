import type { DirtyBitmap } from '@tidemark/core';
import { formatSize } from '@tidemark/program';

const CELLS = 64;
// From clean to all dirty; anything dirty shows, however little.
const SHADES = ['·', '░', '▒', '▓', '█'];

/** The drive from start to end as one line of cells, darker where more of it is dirty. */
export function drawMap(bitmap: DirtyBitmap): readonly string[] {
  return [`[${drawLine(bitmap)}]`, `a character is ${formatSize(cellSizeOf(bitmap))}`];
}

/** Whole granules, so that no cell is dirty for what lies in its neighbour. */
function cellSizeOf({ diskSize, granularity }: DirtyBitmap): number {
  return Math.ceil(diskSize / CELLS / granularity) * granularity;
}

/** The cells alone. */
export function drawLine(bitmap: DirtyBitmap): string {
  const { diskSize } = bitmap;
  const cellSize = cellSizeOf(bitmap);
  let line = '';
  for (let start = 0; start < diskSize; start += cellSize) {
    const length = Math.min(cellSize, diskSize - start);
    let dirty = 0;
    for (const extent of bitmap.dirtyExtents(start, length)) dirty += extent.length;
    const shade = dirty === 0 ? 0 : 1 + Math.floor((dirty / length) * (SHADES.length - 2));
    line += SHADES[shade];
  }
  return line;
}
