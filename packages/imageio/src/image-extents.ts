import type { DirtyBitmap } from '@tidemark/core';
import type { ImageDevice } from './ticket.ts';

/** An extent as imageio's clients know it. Bytes. */
export interface ZeroExtent {
  readonly start: number;
  readonly length: number;
  readonly zero: boolean;
  /**
   * The image is served with all that is behind it: a part that nothing has written reads as zeros, and
   * whoever takes it for a hole that shows another disk would keep what lies there.
   */
  readonly hole: false;
}

/** An extent of `context=dirty`, as imageio's clients know it. Bytes. */
export interface DirtyZeroExtent {
  readonly start: number;
  readonly length: number;
  readonly dirty: boolean;
  readonly zero: boolean;
}

/** Where an image reads as zeros, in order, without gaps, neighbours that are alike made one. */
export async function* zeroExtents(device: ImageDevice): AsyncGenerator<ZeroExtent> {
  let start = 0;
  let end = 0;
  let isZero: boolean | undefined;
  const told = () => ({ start, length: end - start, zero: isZero === true, hole: false as const });
  for await (const { offset, length, zero } of device.extents(0, device.size)) {
    if (isZero !== undefined && isZero !== zero) {
      yield told();
      start = offset;
    }
    isZero = zero;
    end = offset + length;
  }
  if (end > start) yield told();
}

/** As `zeroExtents`, cut where the bitmap changes as well. `bitmap` must not change meanwhile. */
export async function* dirtyExtents(
  device: ImageDevice,
  bitmap: DirtyBitmap,
): AsyncGenerator<DirtyZeroExtent> {
  for await (const { start, length, zero } of zeroExtents(device)) {
    for (const run of bitmap.extents(start, length)) {
      yield { start: run.offset, length: run.length, dirty: run.dirty, zero };
    }
  }
}
