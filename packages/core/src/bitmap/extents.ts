import type { ChunkedBits } from './chunks.ts';
import { EdgeReader } from './edge-reader.ts';

/** A run of granules of one kind, cut at the disk's end. Bytes. */
export interface DirtyExtent {
  readonly offset: number;
  readonly length: number;
  readonly dirty: boolean;
}

/** In bytes. */
export interface Range {
  readonly offset: number;
  readonly end: number;
  readonly granularity: number;
}

type Extents = IterableIterator<DirtyExtent, undefined>;
type Next = IteratorResult<DirtyExtent, undefined>;

const DONE: Next = { done: true, value: undefined };

// No generators: a compiler takes none of their objects out of a loop, and there may be millions.

/** The dirty runs of a range in order, cut at its ends. */
export class DirtyRuns implements Extents {
  readonly #range: Range;
  readonly #edges: EdgeReader;

  constructor(bits: ChunkedBits, range: Range) {
    this.#range = range;
    this.#edges = edgesOf(bits, range);
  }

  next(): Next {
    const { offset, end, granularity } = this.#range;
    const start = Math.max(offset, this.#edges.next() * granularity);
    if (start >= end) return DONE;
    const stop = Math.min(end, this.#edges.next() * granularity);
    return { done: false, value: { offset: start, length: stop - start, dirty: true } };
  }

  [Symbol.iterator](): this {
    return this;
  }
}

/** The range as runs in order, dirty and clean in turn, cut at its ends. */
export class AllRuns implements Extents {
  readonly #range: Range;
  readonly #edges: EdgeReader;
  #start: number;
  #dirty = false;

  constructor(bits: ChunkedBits, range: Range) {
    this.#range = range;
    this.#edges = edgesOf(bits, range);
    this.#start = range.offset;
  }

  next(): Next {
    const { end, granularity } = this.#range;
    while (this.#start < end) {
      const offset = this.#start;
      const dirty = this.#dirty;
      const stop = Math.min(end, this.#edges.next() * granularity);
      this.#dirty = !dirty;
      // Nothing where the range begins dirty, or what was to come next has changed meanwhile.
      if (stop <= offset) continue;
      this.#start = stop;
      return { done: false, value: { offset, length: stop - offset, dirty } };
    }
    return DONE;
  }

  [Symbol.iterator](): this {
    return this;
  }
}

function edgesOf(bits: ChunkedBits, { offset, end, granularity }: Range): EdgeReader {
  return new EdgeReader(bits, Math.floor(offset / granularity), Math.ceil(end / granularity));
}
