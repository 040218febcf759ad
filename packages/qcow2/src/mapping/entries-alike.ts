import { TABLE_ENTRY_SIZE } from '../geometry.ts';

/**
 * How many L2 entries of 8 bytes, `limit` at most and 1 at least, are as the one at `first`, each
 * pointing `step` bytes behind the one before. Compares what is stored, since this runs for each
 * cluster of a disk.
 */
export function entriesAlike(view: DataView, first: number, limit: number, step: number): number {
  let high = view.getUint32(first * TABLE_ENTRY_SIZE);
  let low = view.getUint32(first * TABLE_ENTRY_SIZE + 4);
  let count = 1;
  for (; count < limit; count++) {
    low += step;
    if (low >= 2 ** 32) {
      low -= 2 ** 32;
      high += 1;
    }
    const at = (first + count) * TABLE_ENTRY_SIZE;
    if (view.getUint32(at + 4) !== low || view.getUint32(at) !== high) break;
  }
  return count;
}
