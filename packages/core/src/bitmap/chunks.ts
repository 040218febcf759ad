import {
  bytesOf,
  CHUNK_BITS,
  CHUNK_BYTES,
  isUniform,
  ONES,
  partsOf,
  sameWords,
  ZEROS,
} from './chunk.ts';
import { ChunkRow, type Unreadable } from './chunk-row.ts';
import { kernels } from './kernels/choose.ts';
import type { UnreadBits } from './unread-bits.ts';
import { findBit, resetBits, setBits } from './words.ts';

/** From a bit, of up to 2^32, to its chunk. */
const CHUNK_SHIFT = 31 - Math.clz32(CHUNK_BITS);
const wordIn = (bit: number): number => (bit & (CHUNK_BITS - 1)) >>> 5;

/**
 * A row of bits in chunks, up to 2^32 of them. Bits behind `length` are always clear. A copy shares
 * its chunks with the original.
 */
export class ChunkedBits {
  #length: number;
  #row: ChunkRow;

  constructor(length: number) {
    this.#length = length;
    this.#row = new ChunkRow(Math.ceil(length / CHUNK_BITS));
  }

  get length(): number {
    return this.#length;
  }
  get count(): number {
    return this.#row.count;
  }
  /** Whether no bit is set, as far as that is known without reading. */
  get isClear(): boolean {
    return this.#row.isClear;
  }
  /** Another one after each change. */
  get changes(): number {
    return this.#row.changes;
  }
  get chunkCount(): number {
    return this.#row.length;
  }
  /** Bytes of the chunks that are in memory, and not all of one value. */
  get allocatedBytes(): number {
    return this.#row.allocatedBytes;
  }

  /** To read from: ZEROS, ONES, or words that may change later. None behind the last chunk. */
  chunk(index: number): Uint32Array | undefined {
    return this.#row.at(index);
  }

  /** Set bits of a chunk. */
  countOf(index: number): number {
    return this.#row.countOf(index);
  }

  test(bit: number): boolean {
    return (this.#row.at(bit >>> CHUNK_SHIFT)![wordIn(bit)]! & (1 << (bit & 31))) !== 0;
  }

  /** What `fill` does, for one bit: most writes are no longer than a granule. */
  set(bit: number): void {
    const index = bit >>> CHUNK_SHIFT;
    const at = wordIn(bit);
    const mask = 1 << (bit & 31);
    const row = this.#row;
    if ((row.at(index)![at]! & mask) !== 0) return;
    row.own(index)[at]! |= mask;
    row.recount(index, row.countOf(index) + 1);
  }

  /** Gives every bit of [from, to) one value. */
  fill(from: number, to: number, value: 0 | 1): void {
    for (let start = from; start < to;) {
      const index = Math.floor(start / CHUNK_BITS);
      const base = index * CHUNK_BITS;
      const end = Math.min(to, base + CHUNK_BITS);
      this.#fillInChunk(index, start - base, end - base, value);
      start = end;
    }
  }

  /** The first bit of [from, to) that is `wanted`, or -1. */
  find(from: number, to: number, wanted: 0 | 1): number {
    const skipped = wanted === 1 ? ZEROS : ONES;
    // A bitmap that was cleared is written without a look at each of its parts.
    if (wanted === 1 && this.#row.isClear) return -1;
    for (let start = from; start < to;) {
      const index = Math.floor(start / CHUNK_BITS);
      const base = index * CHUNK_BITS;
      const end = Math.min(to, base + CHUNK_BITS);
      const chunk = this.#row.at(index)!;
      if (isUniform(chunk) && chunk !== skipped) return start;
      const found = chunk === skipped ? -1 : findBit(chunk, start - base, end - base, wanted);
      if (found >= 0) return base + found;
      start = end;
    }
    return -1;
  }

  /** This OR `source`, which is of the same length. */
  or(source: ChunkedBits): void {
    for (let i = 0; i < this.#row.length; i++) {
      const from = source.#row.at(i)!;
      const into = this.#row.at(i)!;
      if (from === ZEROS || into === ONES || from === into) continue;
      if (from === ONES) this.#row.put(i, ONES, CHUNK_BITS);
      else if (into === ZEROS) this.#row.share(i, source.#row);
      else this.#row.recount(i, kernels().or(this.#row.own(i), from));
    }
  }

  /** One chunk OR `words`, which has no bits behind the end; it is copied. */
  orChunk(index: number, words: Uint32Array): void {
    const row = this.#row;
    const into = row.at(index)!;
    if (into === ONES) return;
    const { count, or } = kernels();
    if (row.isOwned(index)) row.recount(index, or(into, words));
    else {
      const added = count(words);
      // What would not change is not copied either.
      if (added === 0) return;
      if (into === ZEROS) row.replace(index, words, added);
      else row.recount(index, or(row.own(index), words));
    }
  }

  resize(length: number): void {
    if (length < this.#length) this.fill(length, this.#length, 0);
    this.#row.resize(Math.ceil(length / CHUNK_BITS));
    this.#length = length;
  }

  /** See `DirtyBitmap.clone`. */
  clone(unreadable?: Unreadable): ChunkedBits {
    const copy = new ChunkedBits(0);
    copy.#length = this.#length;
    copy.#row = this.#row.clone(unreadable);
    return copy;
  }

  /** Bits of these chunks are those of `bits`, from whenever they are needed. */
  putOff(from: number, to: number, bits: UnreadBits): void {
    for (let index = from; index < to; index++) this.#row.putOff(index, bits);
  }

  /** Counts what is not in memory, while others go on. */
  async countAhead(signal?: AbortSignal): Promise<void> {
    await this.#row.countAhead(signal);
  }

  equals(other: ChunkedBits): boolean {
    if (this.#length !== other.#length || this.count !== other.count) return false;
    for (let i = 0; i < this.#row.length; i++) {
      if (!sameWords(this.#row.at(i)!, other.#row.at(i)!)) return false;
    }
    return true;
  }

  /** Copies bytes of bits out, lowest bit first; zeros behind the end. */
  readBytes(target: Uint8Array, at: number): void {
    for (const { index, inChunk, offset, length } of partsOf(target.length, at)) {
      const chunk = this.#row.at(index);
      const part = target.subarray(offset, offset + length);
      if (chunk === undefined || chunk === ZEROS) part.fill(0);
      else part.set(bytesOf(chunk).subarray(inChunk, inChunk + length));
    }
  }

  /** Copies bytes of bits in; what lies behind the end is dropped. */
  writeBytes(source: Uint8Array, at: number): void {
    for (const { index, inChunk, offset, length } of partsOf(source.length, at)) {
      if (index >= this.#row.length) return;
      // First: it may be read for that.
      const before = length < CHUNK_BYTES ? this.#row.at(index) : undefined;
      const { scratch, count } = kernels();
      if (before !== undefined) scratch.set(before);
      bytesOf(scratch).set(source.subarray(offset, offset + length), inChunk);
      const valid = this.#length - index * CHUNK_BITS;
      if (valid < CHUNK_BITS) resetBits(scratch, valid, CHUNK_BITS);
      this.#row.replace(index, scratch, count(scratch));
    }
  }

  #fillInChunk(index: number, from: number, to: number, value: 0 | 1): void {
    const target = value === 1 ? ONES : ZEROS;
    const row = this.#row;
    // Whatever it was, it need not be read.
    if (from === 0 && to === CHUNK_BITS) {
      if (!row.has(index, target)) row.put(index, target, value * CHUNK_BITS);
      return;
    }
    if (row.at(index) === target) return;
    const words = row.own(index);
    const count = row.countOf(index);
    const next =
      value === 1 ? count + setBits(words, from, to) : count - resetBits(words, from, to);
    row.recount(index, next);
  }
}
