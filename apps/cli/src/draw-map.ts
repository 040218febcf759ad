import type { DirtyBitmap } from '@tidemark/core';

const CELLS = 64;
// From clean to all dirty; anything dirty shows, however little.
const SHADES = ['·', '░', '▒', '▓', '█'];

/** The drive from start to end as one line of cells, darker where more of it is dirty. */
export function drawMap(bitmap: DirtyBitmap): readonly string[] {
  const cellSize = Math.max(bitmap.granularity, Math.ceil(bitmap.diskSize / CELLS));
  let line = '';
  for (let start = 0; start < bitmap.diskSize; start += cellSize) {
    const length = Math.min(cellSize, bitmap.diskSize - start);
    let dirty = 0;
    for (const extent of bitmap.dirtyExtents(start, length)) dirty += extent.length;
    const shade = dirty === 0 ? 0 : 1 + Math.floor((dirty / length) * (SHADES.length - 2));
    line += SHADES[shade];
  }
  return [`[${line}]`];
}
