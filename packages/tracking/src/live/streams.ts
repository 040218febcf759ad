import type { RegionSpan } from './busy-regions.ts';

/** A sync of marks may wait for all that a guest has written to the same file: there are to be few. */
const GROWTH = 4;
/** How many are followed at once. */
const STREAMS = 8;
/** Bytes that are marked at once at most: of usual granules, one sector of bits. */
const WIDEST = 256 * 1024 ** 2;

interface Stream {
  /** The region behind what was marked. */
  readonly next: number;
  /** Regions that were marked at once. */
  readonly width: number;
}

/**
 * Who writes a disk from one end to the other needs its marks soon: each time that a stream comes to
 * the end of what is marked, four times as much is marked for it. Writes here and there get one region.
 */
export class Streams {
  readonly #widest: number;
  /** The one that was marked last comes last. */
  #streams: readonly Stream[] = [];

  /** `maxOpen`: bytes that may be marked beyond what was written; all streams together keep to it. */
  constructor(regionSize: number, maxOpen: number) {
    this.#widest = Math.max(1, Math.floor(Math.min(WIDEST, maxOpen / STREAMS) / regionSize));
  }

  /** The span to mark for a write that lacks a mark. */
  widen({ first, last }: RegionSpan): RegionSpan {
    const width = Math.min(this.#widest, this.#widthAt({ first, last }) * GROWTH);
    return { first, last: Math.max(last, first + Math.max(1, width) - 1) };
  }

  /** A span that `widen` gave, or its first part, is marked for a write that asked for `asked`. */
  marked({ first, last }: RegionSpan, asked: RegionSpan): void {
    // Cut short by something else, it was as wide as that all the same.
    const width = Math.max(last - first + 1, this.#widthAt(asked));
    const others = this.#streams.filter(({ next }) => next < asked.first || next > asked.last);
    this.#streams = [...others, { next: last + 1, width }].slice(-STREAMS);
  }

  /** Of the stream that has come there; 0: there is none. */
  #widthAt({ first, last }: RegionSpan): number {
    const stream = this.#streams.find(({ next }) => next >= first && next <= last);
    return stream?.width ?? 0;
  }
}
