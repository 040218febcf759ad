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

/** Asked of the source at once at most, so that reading begins before all of a large drive is mapped. */
const SPAN_SIZE = 512 * 1024 * 1024;
/** What lies between two ranges is asked for with them, up to this. Bytes. */
const MAX_GAP = 4 * 1024 * 1024;

/**
 * Splits ranges by what the source knows without reading, many at a time: a question costs more than
 * what it is about. A granule is zero here only when all of it is known to be; whatever the source
 * says nothing about is read.
 */
export async function* knownRuns(
  source: Pick<BlockDevice, 'extents'>,
  ranges: Iterable<ByteRange>,
  drive: Granules,
): AsyncGenerator<readonly CopyRange[]> {
  for (const span of spans(ranges)) {
    const last = span.at(-1)!;
    const { offset } = span[0]!;
    const zeros: ByteRange[] = [];
    const length = last.offset + last.length - offset;
    for await (const zero of zeroExtents(source, { offset, length })) zeros.push(zero);
    yield splitByZeros(span, zeros, drive);
  }
}

/** Ranges that are near each other, cut where they are long. */
function* spans(ranges: Iterable<ByteRange>): Generator<readonly ByteRange[]> {
  let span: ByteRange[] = [];
  let start = 0;
  let end = 0;
  for (const range of pieces(ranges)) {
    const isFar = range.offset - end > MAX_GAP;
    const isLong = range.offset + range.length - start > SPAN_SIZE;
    if (span.length > 0 && (isFar || isLong)) {
      yield span;
      span = [];
    }
    if (span.length === 0) start = range.offset;
    span.push(range);
    end = range.offset + range.length;
  }
  if (span.length > 0) yield span;
}

function* pieces(ranges: Iterable<ByteRange>): Generator<ByteRange> {
  for (const { offset, length } of ranges) {
    for (let at = 0; at < length; at += SPAN_SIZE) {
      yield { offset: offset + at, length: Math.min(SPAN_SIZE, length - at) };
    }
  }
}

/** Both ascending. */
function splitByZeros(
  ranges: readonly ByteRange[],
  zeros: readonly ByteRange[],
  drive: Granules,
): readonly CopyRange[] {
  const runs: CopyRange[] = [];
  let next = 0;
  for (const { offset, length } of ranges) {
    const rangeEnd = offset + length;
    let done = offset;
    while (next < zeros.length && endOf(zeros[next]!) <= offset) next += 1;
    for (let at = next; at < zeros.length && zeros[at]!.offset < rangeEnd; at++) {
      const end = endOf(zeros[at]!);
      const from = Math.max(roundUp(zeros[at]!.offset, drive), done);
      const to = end >= rangeEnd ? rangeEnd : roundDown(end, drive.granularity);
      if (to <= from) continue;
      if (from > done) runs.push({ offset: done, length: from - done, zero: false });
      runs.push({ offset: from, length: to - from, zero: true });
      done = to;
    }
    if (done < rangeEnd) runs.push({ offset: done, length: rangeEnd - done, zero: false });
  }
  return runs;
}

function endOf({ offset, length }: ByteRange): number {
  return offset + length;
}

/** The zero extents of a range, neighbours merged. */
async function* zeroExtents(
  source: Pick<BlockDevice, 'extents'>,
  range: ByteRange,
): AsyncGenerator<ByteRange> {
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
