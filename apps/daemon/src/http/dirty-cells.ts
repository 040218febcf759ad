import type { DirtyBitmap } from '@tidemark/core';
import { type MapCells, rangesOf, shareOf } from './map-cells.ts';
import type { Slices } from './slices.ts';

/** How much of each cell is dirty. What the bitmap does not reach to counts as clean. */
export async function dirtyCells(
  bitmap: DirtyBitmap,
  cells: MapCells,
  slices: Slices,
): Promise<Uint8Array> {
  const shares = new Uint8Array(cells.count);
  let cell = 0;
  for (const { offset, length } of rangesOf(cells)) {
    if (slices.isOver) await slices.rest();
    // It may be resized while others have their turn.
    const known = Math.max(0, Math.min(length, bitmap.diskSize - offset));
    const dirty = known === 0 ? 0 : bitmap.dirtyBytesIn(offset, known);
    shares[cell] = shareOf(dirty, length);
    cell += 1;
  }
  return shares;
}
