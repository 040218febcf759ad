import type { DriveMap } from '@tidemark/http/client';
import type { View } from './view.ts';

/** A map as it came, its layers as bytes. */
export interface Heat {
  readonly offset: number;
  readonly cellBytes: number;
  readonly cells: number;
  readonly dirty: ReadonlyMap<string, Uint8Array>;
  readonly allocated: Uint8Array;
  readonly allocatedComplete: boolean;
  readonly written: Uint8Array;
}

export function decodeMap(map: DriveMap): Heat {
  const dirty = new Map<string, Uint8Array>();
  for (const [name, cells] of Object.entries(map.bitmaps)) dirty.set(name, decode(cells));
  return {
    offset: map.offset,
    cellBytes: map.cellBytes,
    cells: map.cells,
    dirty,
    allocated: decode(map.allocated),
    allocatedComplete: map.allocatedComplete,
    written: decode(map.written),
  };
}

function decode(base64: string): Uint8Array {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

/**
 * For each cell of the view the cell of the map at its middle, -1 where the map ends: what is shown
 * until a map of this very view has come.
 */
export function cellsOf(heat: Heat, view: View): Int32Array {
  const cells = new Int32Array(view.cells);
  for (let cell = 0; cell < view.cells; cell++) {
    const middle = view.offset + (cell + 0.5) * view.cellBytes;
    const index = Math.floor((middle - heat.offset) / heat.cellBytes);
    cells[cell] = index >= 0 && index < heat.cells ? index : -1;
  }
  return cells;
}

export const fits = (heat: Heat, view: View): boolean =>
  heat.offset === view.offset && heat.cellBytes === view.cellBytes && heat.cells >= view.cells;

/** Seconds since the last write, from how recently: 255 now, 1 about five minutes ago. */
export const secondsSince = (written: number): number => Math.round(((255 - written) / 254) * 300);

/** Rows of the table: the cells of the map put together into at most `rows` parts of the same size. */
export function summarise(heat: Heat, size: number, rows: number): HeatRow[] {
  const each = Math.ceil(heat.cells / rows);
  const summary: HeatRow[] = [];
  for (let first = 0; first < heat.cells; first += each) {
    const last = Math.min(first + each, heat.cells);
    const start = heat.offset + first * heat.cellBytes;
    const end = Math.min(heat.offset + last * heat.cellBytes, size);
    if (end <= start) break;
    summary.push({
      start,
      end,
      dirty: new Map(
        [...heat.dirty].map(([name, layer]) => [
          name,
          Math.min(bytesOf(layer, first, last, heat.cellBytes), end - start),
        ]),
      ),
      allocated: Math.min(bytesOf(heat.allocated, first, last, heat.cellBytes), end - start),
      written: heat.written.subarray(first, last).reduce((most, one) => Math.max(most, one), 0),
    });
  }
  return summary;
}

export interface HeatRow {
  readonly start: number;
  readonly end: number;
  /** About: a layer has a share in 255 steps a cell. */
  readonly dirty: ReadonlyMap<string, number>;
  readonly allocated: number;
  readonly written: number;
}

function bytesOf(layer: Uint8Array, first: number, last: number, cellBytes: number): number {
  let sum = 0;
  for (let cell = first; cell < last; cell++) sum += layer[cell] ?? 0;
  return (sum / 255) * cellBytes;
}
