import type { BlockDevice } from '@tidemark/block';
import { type MapCells, rangesOf, shareOf } from './map-cells.ts';
import type { Slices } from './slices.ts';

export interface AllocatedLimits {
  /** Milliseconds. */
  readonly time: number;
  /** Of extents. */
  readonly steps: number;
}

const LIMITS: AllocatedLimits = { time: 250, steps: 100_000 };

export interface Allocated {
  readonly shares: Uint8Array;
  /** false: looking took too long, or failed. */
  readonly isComplete: boolean;
}

/** How much of each cell takes up space, as far as that is found within the limits. */
export async function allocatedCells(
  device: BlockDevice,
  cells: MapCells,
  slices: Slices,
  limits: AllocatedLimits = LIMITS,
): Promise<Allocated> {
  const bytes = new Float64Array(cells.count);
  const isComplete = await sum(device, cells, { bytes, slices, limits }).catch(() => false);
  const lengths = Array.from(rangesOf(cells), ({ length }) => length);
  return { shares: Uint8Array.from(bytes, (part, i) => shareOf(part, lengths[i]!)), isComplete };
}

interface Summing {
  readonly bytes: Float64Array;
  readonly slices: Slices;
  readonly limits: AllocatedLimits;
}

/** @returns whether all was looked at */
async function sum(
  device: BlockDevice,
  cells: MapCells,
  { bytes, slices, limits }: Summing,
): Promise<boolean> {
  const { offset, length } = cells;
  if (length === 0) return true;
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), limits.time);
  const end = performance.now() + limits.time;
  const extents = device.extents(offset, length)[Symbol.asyncIterator]();
  try {
    for (let step = 0; step < limits.steps; step++) {
      // A disk may hang, or wait for what is done to it.
      const next = await Promise.race([extents.next(), late.promise]);
      if (next === undefined || performance.now() > end) return false;
      if (next.done === true) return true;
      if (next.value.allocated) add(bytes, cells, next.value);
      if (slices.isOver) await slices.rest();
    }
    return false;
  } finally {
    clearTimeout(timer);
    // Not waited for: it ends when the step under way does.
    extents.return?.().catch(() => {});
  }
}

function add(
  bytes: Float64Array,
  { offset, length, cellBytes }: MapCells,
  extent: { readonly offset: number; readonly length: number },
): void {
  const end = Math.min(extent.offset + extent.length - offset, length);
  for (let at = Math.max(0, extent.offset - offset); at < end;) {
    const cell = Math.floor(at / cellBytes);
    const next = Math.min((cell + 1) * cellBytes, end);
    bytes[cell]! += next - at;
    at = next;
  }
}
