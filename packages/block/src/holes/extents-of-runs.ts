import type { BlockExtent } from '../block-device.ts';
import type { DataRuns } from './holes.ts';

/** The extents of a range, asked for a stretch at a time. */
export async function* extentsOfRuns(
  offset: number,
  length: number,
  dataRuns: (start: number, end: number) => Promise<DataRuns>,
): AsyncGenerator<BlockExtent> {
  const end = offset + length;
  let at = offset;
  do {
    const { upTo, bounds } = await dataRuns(at, end);
    for (let i = 0; i < bounds.length; i += 2) {
      const start = bounds[i]!;
      const stop = bounds[i + 1]!;
      if (start > at) yield { offset: at, length: start - at, zero: true, allocated: false };
      yield { offset: start, length: stop - start, zero: false, allocated: true };
      at = stop;
    }
    if (upTo > at) yield { offset: at, length: upTo - at, zero: true, allocated: false };
    at = upTo;
  } while (at < end);
}
