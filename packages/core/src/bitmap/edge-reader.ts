import { CHUNK_BITS, isUniform, ONES, ZEROS } from './chunk.ts';
import type { ChunkedBits } from './chunks.ts';
import { kernels } from './kernels/choose.ts';

/** Bits that are looked at first: who wants one run only is not to pay for a chunk of them. */
const FIRST_BITS = 512;
const NOTHING = new Uint16Array(0);

/**
 * Goes over the bits [from, to) from one that differs from the one before it to the next. The first
 * is compared with a clear one.
 */
export class EdgeReader {
  readonly #bits: ChunkedBits;
  readonly #to: number;
  /** Edges that were found ahead, counted from the base. */
  #list = NOTHING;
  #base = 0;
  /** The next one of the list. */
  #at = 0;
  /** The last edge before the list. */
  #edge: number;
  /** What bits are before the first edge of the list. */
  #value: 0 | 1 = 0;
  /** Where the list ends. */
  #from: number;
  #ahead = FIRST_BITS;
  /** Of the bits, when the list was made. */
  #changes: number;

  constructor(bits: ChunkedBits, from: number, to: number) {
    this.#bits = bits;
    this.#from = from;
    this.#edge = from;
    this.#to = to;
    this.#changes = bits.changes;
  }

  /** The next edge, or the end. */
  next(): number {
    if (this.#at === this.#list.length || this.#changes !== this.#bits.changes) {
      if (!this.#find()) return this.#to;
    }
    const edge = this.#base + this.#list[this.#at]!;
    this.#at += 1;
    return edge;
  }

  /** False when there is none. */
  #find(): boolean {
    this.#settle();
    if (this.#changes !== this.#bits.changes) {
      // What was found before a change may be there no longer.
      this.#changes = this.#bits.changes;
      this.#from = this.#edge;
    }
    while (this.#list.length === 0) {
      const isClear = this.#value === 0 && this.#bits.isClear;
      if (isClear || this.#from >= this.#to) return false;
      this.#look();
    }
    return true;
  }

  /** Drops the list, and goes on behind the edge that was taken from it last. */
  #settle(): void {
    if (this.#at > 0) this.#edge = this.#base + this.#list[this.#at - 1]!;
    if (this.#at % 2 === 1) this.#value = this.#value === 0 ? 1 : 0;
    this.#list = NOTHING;
    this.#at = 0;
  }

  /** Lists the edges of the next bits, a chunk of them at most. */
  #look(): void {
    const same = this.#value === 0 ? ZEROS : ONES;
    let index = Math.floor(this.#from / CHUNK_BITS);
    let chunk = this.#bits.chunk(index)!;
    while (chunk === same && (index + 1) * CHUNK_BITS < this.#to) {
      index += 1;
      chunk = this.#bits.chunk(index)!;
    }
    this.#base = index * CHUNK_BITS;
    const from = Math.max(0, this.#from - this.#base);
    let to = Math.min(CHUNK_BITS, this.#to - this.#base);
    if (isUniform(chunk)) {
      if (chunk !== same) this.#list = Uint16Array.of(from);
    } else {
      to = Math.min(to, from - (from % FIRST_BITS) + this.#ahead);
      this.#ahead = Math.min(CHUNK_BITS, this.#ahead * 8);
      const { edges, findEdges } = kernels();
      this.#list = edges.slice(0, findEdges(chunk, from, to, this.#value));
    }
    this.#from = this.#base + to;
  }
}
