/** What of a drive a heat map shows: `cells` cells of `cellBytes` from `offset`; the last may be cut. */
export interface View {
  readonly offset: number;
  readonly cellBytes: number;
  readonly cells: number;
}

/** What limits a view: the drive's size, and its granule, below which nothing can be told apart. */
export interface Extent {
  readonly size: number;
  readonly granule: number;
}

const SECTOR = 512;

/** The finest granularity of the bitmaps, or QEMU's default where there is none. */
export function granuleOf(bitmaps: readonly { readonly granularity: number }[]): number {
  const finest = Math.min(...bitmaps.map((bitmap) => bitmap.granularity));
  return Number.isFinite(finest) ? Math.max(finest, SECTOR) : 65_536;
}

/** The whole drive in at most `cells` cells. */
export function wholeView({ size, granule }: Extent, cells: number): View {
  const sectors = Math.ceil(Math.max(size, 1) / cells / SECTOR);
  const cellBytes = Math.max(sectors * SECTOR, granule);
  return { offset: 0, cellBytes, cells: Math.max(1, Math.ceil(size / cellBytes)) };
}

export const isWhole = (view: View, extent: Extent): boolean =>
  view.offset === 0 && view.cells * view.cellBytes >= extent.size;

export const isFinest = (view: View, extent: Extent): boolean => view.cellBytes <= extent.granule;

/** Bytes from the view's begin to its end, or the drive's where that comes first. */
export function viewLength(view: View, { size }: Extent): number {
  return Math.min(view.cells * view.cellBytes, size - view.offset);
}

/**
 * In (`steps` > 0) or out, each step by two. The byte at `anchor` stays where it is, as far as the
 * drive's ends let it. Zoomed cells are the granule times a power of two, and begin at multiples of
 * their size: so a cell never cuts a granule, and the same place looks the same at each visit.
 */
export function zoom(
  view: View,
  extent: Extent,
  cells: number,
  steps: number,
  anchor: number,
): View {
  const whole = wholeView(extent, cells);
  const cellBytes = stepCell(view.cellBytes, steps, extent.granule);
  if (cellBytes * cells >= extent.size) return whole;
  const column = (anchor - view.offset) / view.cellBytes;
  return placed({ offset: anchor - column * cellBytes, cellBytes, cells }, extent);
}

function stepCell(cellBytes: number, steps: number, granule: number): number {
  const wanted = (cellBytes * 2 ** -steps) / granule;
  const level = Math.log2(wanted);
  // From a size between two levels the next one is the step: never a step that changes nothing.
  const rounded = steps > 0 ? Math.ceil(level - 1e-9) : Math.floor(level + 1e-9);
  return granule * 2 ** Math.max(0, rounded);
}

/** Moved by so many cells, up to the drive's ends. */
export function pan(view: View, extent: Extent, byCells: number): View {
  return placed({ ...view, offset: view.offset + byCells * view.cellBytes }, extent);
}

/** Another count of cells, after the place for it has changed; a whole view stays whole. */
export function resized(view: View, extent: Extent, cells: number): View {
  if (isWhole(view, extent)) return wholeView(extent, cells);
  if (view.cellBytes * cells >= extent.size) return wholeView(extent, cells);
  return placed({ ...view, cells }, extent);
}

function placed(view: View, { size }: Extent): View {
  const last = Math.max(0, Math.ceil(size / view.cellBytes) - view.cells);
  const index = Math.min(Math.max(0, Math.round(view.offset / view.cellBytes)), last);
  return { ...view, offset: index * view.cellBytes };
}

/** The bytes of a cell: `end` is behind the last one. */
export function cellRange(
  view: View,
  extent: Extent,
  cell: number,
): { start: number; end: number } {
  const start = view.offset + cell * view.cellBytes;
  return { start, end: Math.min(start + view.cellBytes, extent.size) };
}
