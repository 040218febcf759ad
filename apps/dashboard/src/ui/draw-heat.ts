import type { Scales } from '../model/colours.ts';
import { cellsOf, type Heat } from '../model/heat.ts';
import type { View } from '../model/view.ts';

/** CSS pixels from cell to cell, of which one is the gap, and rows of a map. */
export const PITCH = 9;
export const ROWS = 10;

/** What of a map is drawn over what. `dirty` undefined: no bitmap; '' any of them. */
export interface Layers {
  readonly dirty: string | undefined;
  readonly allocated: boolean;
  readonly written: boolean;
}

export interface Marks {
  /** Cell with the keyboard's focus, and below the pointer. */
  readonly focus: number | undefined;
  readonly hover: number | undefined;
}

export const columnsOf = (width: number): number => Math.max(8, Math.floor((width + 1) / PITCH));

/** Draws the whole map; a thousand cells take well below a millisecond's tenth each. */
export function drawHeat(
  canvas: HTMLCanvasElement,
  { heat, view, columns }: { heat: Heat | undefined; view: View; columns: number },
  layers: Layers,
  scales: Scales,
  marks: Marks,
): void {
  const context = prepare(canvas, columns * PITCH - 1, ROWS * PITCH - 1);
  if (context === null) return;
  const at = (cell: number): [number, number] => [
    (cell % columns) * PITCH,
    Math.floor(cell / columns) * PITCH,
  ];
  const index = heat === undefined ? undefined : cellsOf(heat, view);
  const dirty = heat === undefined ? undefined : dirtyLayer(heat, layers.dirty);
  const edge = PITCH - 1;
  for (let cell = 0; cell < view.cells; cell++) {
    const source = index?.[cell] ?? -1;
    const [x, y] = at(cell);
    context.fillStyle = colourOf(heat, source, dirty, layers, scales);
    context.fillRect(x, y, edge, edge);
    const written = layers.written ? (heat?.written[source] ?? 0) : 0;
    if (written > 0) {
      context.fillStyle = scales.written[written]!;
      context.fillRect(x + 2, y + 2, edge - 4, edge - 4);
    }
  }
  outline(context, marks, view.cells, at);
}

function colourOf(
  heat: Heat | undefined,
  source: number,
  dirty: Uint8Array | undefined,
  layers: Layers,
  scales: Scales,
): string {
  const share = dirty?.[source] ?? 0;
  if (share > 0) return scales.dirty[share]!;
  const allocated = layers.allocated ? (heat?.allocated[source] ?? 0) : 0;
  return allocated > 0 ? scales.allocated[allocated]! : scales.empty;
}

function dirtyLayer(heat: Heat, chosen: string | undefined): Uint8Array | undefined {
  if (chosen === undefined) return undefined;
  if (chosen !== '') return heat.dirty.get(chosen);
  const all = [...heat.dirty.values()];
  if (all.length < 2) return all[0];
  return all[0]!.map((share, cell) =>
    all.reduce((most, one) => Math.max(most, one[cell] ?? 0), share),
  );
}

function outline(
  context: CanvasRenderingContext2D,
  { focus, hover }: Marks,
  cells: number,
  at: (cell: number) => [number, number],
): void {
  context.strokeStyle = getComputedStyle(context.canvas).color;
  for (const [cell, width] of [
    [hover, 1],
    [focus, 2],
  ] as const) {
    if (cell === undefined || cell >= cells) continue;
    const [x, y] = at(cell);
    context.lineWidth = width;
    context.strokeRect(x - 0.5, y - 0.5, PITCH, PITCH);
  }
}

function prepare(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D | null {
  const ratio = Math.min(devicePixelRatio, 3);
  const pixels = [Math.round(width * ratio), Math.round(height * ratio)] as const;
  if (canvas.width !== pixels[0] || canvas.height !== pixels[1]) {
    [canvas.width, canvas.height] = pixels;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext('2d');
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  context?.clearRect(0, 0, width, height);
  return context;
}
