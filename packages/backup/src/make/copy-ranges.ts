import type { BlockDevice, BlockExtent } from '@tidemark/block';
import type { DirtyBitmap } from '@tidemark/core';
import { type Granules, roundDown, roundUp } from '../format/granules.ts';

/** Bytes, of whole granules. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** A range of whole granules to record: to be read, or known to be zeros. */
export interface CopyRange extends ByteRange {
  readonly zero: boolean;
}

/** The parts of a drive that a bitmap calls dirty, widened to whole granules. Ascending, apart. */
export function* dirtyRanges(content: DirtyBitmap, drive: Granules): Generator<ByteRange> {
  let start = 0;
  let end = 0;
  for (const dirty of content.dirtyExtents()) {
    const from = roundDown(dirty.offset, drive.granularity);
    const to = roundUp(dirty.offset + dirty.length, drive);
    if (from > end) {
      if (end > start) yield { offset: start, length: end - start };
      start = from;
    }
    end = to;
  }
  if (end > start) yield { offset: start, length: end - start };
}

/** Asked of the source at once, so that reading begins before all of a large drive is mapped. */
const WINDOW_SIZE = 4 * 1024 * 1024 * 1024;

/** Cuts ranges into parts of at most 4 GiB. */
export function* windows(ranges: Iterable<ByteRange>): Generator<ByteRange> {
  for (const { offset, length } of ranges) {
    for (let at = 0; at < length; at += WINDOW_SIZE) {
      yield { offset: offset + at, length: Math.min(WINDOW_SIZE, length - at) };
    }
  }
}

/**
 * Splits a range by what the source knows without reading. A granule is zero here only when all of
 * it is known to be; whatever the source says nothing about is read.
 */
export async function* copyRanges(
  source: BlockDevice,
  range: ByteRange,
  drive: Granules,
): AsyncGenerator<CopyRange> {
  const rangeEnd = range.offset + range.length;
  let done = range.offset;
  for await (const zeros of zeroExtents(source, range)) {
    const from = Math.max(roundUp(zeros.offset, drive), done);
    const end = zeros.offset + zeros.length;
    const to = end >= rangeEnd ? rangeEnd : roundDown(end, drive.granularity);
    if (to <= from) continue;
    if (from > done) yield { offset: done, length: from - done, zero: false };
    yield { offset: from, length: to - from, zero: true };
    done = to;
  }
  if (done < rangeEnd) yield { offset: done, length: rangeEnd - done, zero: false };
}

/** The zero extents of a range, neighbours merged. */
async function* zeroExtents(source: BlockDevice, range: ByteRange): AsyncGenerator<ByteRange> {
  let start = 0;
  let end = 0;
  for await (const extent of source.extents(range.offset, range.length)) {
    if (!isZero(extent)) continue;
    if (extent.offset !== end) {
      if (end > start) yield { offset: start, length: end - start };
      start = extent.offset;
    }
    end = extent.offset + extent.length;
  }
  if (end > start) yield { offset: start, length: end - start };
}

// Unallocated and not zero is the backing file's content: it has to be read.
function isZero(extent: BlockExtent): boolean {
  return extent.zero && extent.length > 0;
}
