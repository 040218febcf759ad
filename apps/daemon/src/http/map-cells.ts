/** Cells of a map. Bytes. */
export interface MapCells {
  readonly offset: number;
  readonly length: number;
  readonly cellBytes: number;
  readonly count: number;
}

const SECTOR = 512;

/** At most `most` cells of a range, of whole sectors each. */
export function cellsOf(offset: number, length: number, most: number): MapCells {
  const cellBytes = Math.max(1, Math.ceil(length / most / SECTOR)) * SECTOR;
  return { offset, length, cellBytes, count: Math.ceil(length / cellBytes) };
}

/** Of each cell, the bytes of disk; the last one may be cut off. */
export function* rangesOf({ offset, length, cellBytes, count }: MapCells) {
  for (let cell = 0; cell < count; cell++) {
    const start = cell * cellBytes;
    yield { offset: offset + start, length: Math.min(cellBytes, length - start) };
  }
}

/** 0 none of the cell, 255 all of it, and never one of the two for what is between them. */
export function shareOf(part: number, whole: number): number {
  if (part <= 0) return 0;
  if (part >= whole) return 255;
  return Math.min(254, Math.max(1, Math.round((part / whole) * 255)));
}
