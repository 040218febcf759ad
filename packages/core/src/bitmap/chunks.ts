import {
  bytesOf,
  CHUNK_BITS,
  CHUNK_BYTES,
  clearChunks,
  isUniform,
  ONES,
  partsOf,
  sameWords,
  ZEROS,
} from './chunk.ts';
import { kernels } from './kernels/choose.ts';
import { findBit, resetBits, setBits } from './words.ts';

/** From a bit, of up to 2^32, to its chunk. */
const CHUNK_SHIFT = 31 - Math.clz32(CHUNK_BITS);
const wordIn = (bit: number): number => (bit & (CHUNK_BITS - 1)) >>> 5;

/**
 * A row of bits in chunks, up to 2^32 of them. Bits behind `length` are always clear. A copy shares
 * its chunks with the original; whoever changes one takes a copy of that chunk first.
 */
export class ChunkedBits {
  #length: number;
  #count = 0;
  #chunks: Uint32Array[];
  #counts: Uint16Array;
  /** 1 for each chunk that nobody else has. */
  #owned: Uint8Array;
  #changes = 0;

  constructor(length: number) {
    this.#length = length;
    const chunkCount = Math.ceil(length / CHUNK_BITS);
    this.#chunks = clearChunks(chunkCount);
    this.#counts = new Uint16Array(chunkCount);
    this.#owned = new Uint8Array(chunkCount);
  }

  get length(): number {
    return this.#length;
  }
  get count(): number {
    return this.#count;
  }

  /** Another one after each change. */
  get changes(): number {
    return this.#changes;
  }

  get chunkCount(): number {
    return this.#chunks.length;
  }

  /** To read from: ZEROS, ONES, or words that may change later. None behind the last chunk. */
  chunk(index: number): Uint32Array | undefined {
    return this.#chunks[index];
  }

  /** Set bits of a chunk. */
  countOf(index: number): number {
    return this.#counts[index]!;
  }

  /** Bytes of the chunks that are not all of one value. */
  get allocatedBytes(): number {
    return this.#chunks.reduce((sum, chunk) => sum + (isUniform(chunk) ? 0 : CHUNK_BYTES), 0);
  }

  test(bit: number): boolean {
    return (this.#chunks[bit >>> CHUNK_SHIFT]![wordIn(bit)]! & (1 << (bit & 31))) !== 0;
  }

  /** What `fill` does, for one bit: most writes are no longer than a granule. */
  set(bit: number): void {
    const index = bit >>> CHUNK_SHIFT;
    const at = wordIn(bit);
    const mask = 1 << (bit & 31);
    if ((this.#chunks[index]![at]! & mask) !== 0) return;
    this.#own(index)[at]! |= mask;
    this.#recount(index, this.#counts[index]! + 1);
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
    if (wanted === 1 && this.#count === 0) return -1;
    for (let start = from; start < to;) {
      const index = Math.floor(start / CHUNK_BITS);
      const base = index * CHUNK_BITS;
      const end = Math.min(to, base + CHUNK_BITS);
      const chunk = this.#chunks[index]!;
      if (isUniform(chunk) && chunk !== skipped) return start;
      const found = chunk === skipped ? -1 : findBit(chunk, start - base, end - base, wanted);
      if (found >= 0) return base + found;
      start = end;
    }
    return -1;
  }

  /** This OR `source`, which is of the same length. */
  or(source: ChunkedBits): void {
    for (let i = 0; i < this.#chunks.length; i++) {
      const from = source.#chunks[i]!;
      const into = this.#chunks[i]!;
      if (from === ZEROS || into === ONES || from === into) continue;
      if (from === ONES) this.#put(i, ONES, CHUNK_BITS);
      else if (into === ZEROS) {
        source.#owned[i] = 0;
        this.#put(i, from, source.#counts[i]!);
      } else this.#recount(i, kernels().or(this.#own(i), from));
    }
  }

  /** One chunk OR `words`, which has no bits behind the end; it is copied. */
  orChunk(index: number, words: Uint32Array): void {
    const into = this.#chunks[index]!;
    if (into === ONES) return;
    const { count, or } = kernels();
    if (this.#owned[index] === 1) this.#recount(index, or(into, words));
    else {
      const added = count(words);
      // What would not change is not copied either.
      if (added === 0) return;
      if (into === ZEROS) this.#replace(index, words, added);
      else this.#recount(index, or(this.#own(index), words));
    }
  }

  resize(length: number): void {
    if (length < this.#length) this.fill(length, this.#length, 0);
    const chunkCount = Math.ceil(length / CHUNK_BITS);
    const kept = Math.min(chunkCount, this.#chunks.length);
    const chunks = clearChunks(chunkCount);
    for (let i = 0; i < kept; i++) chunks[i] = this.#chunks[i]!;
    const counts = new Uint16Array(chunkCount);
    counts.set(this.#counts.subarray(0, kept));
    const owned = new Uint8Array(chunkCount);
    owned.set(this.#owned.subarray(0, kept));
    this.#chunks = chunks;
    this.#counts = counts;
    this.#owned = owned;
    this.#length = length;
    this.#changes += 1;
  }

  clone(): ChunkedBits {
    const copy = new ChunkedBits(0);
    copy.#length = this.#length;
    copy.#count = this.#count;
    copy.#chunks = this.#chunks.slice();
    copy.#counts = this.#counts.slice();
    copy.#owned = new Uint8Array(this.#owned.length);
    this.#owned.fill(0);
    return copy;
  }

  equals(other: ChunkedBits): boolean {
    return (
      this.#length === other.#length &&
      this.#count === other.#count &&
      this.#chunks.every((chunk, i) => sameWords(chunk, other.#chunks[i]!))
    );
  }

  /** Copies bytes of bits out, lowest bit first; zeros behind the end. */
  readBytes(target: Uint8Array, at: number): void {
    for (const { index, inChunk, offset, length } of partsOf(target.length, at)) {
      const chunk = this.#chunks[index];
      const part = target.subarray(offset, offset + length);
      if (chunk === undefined || chunk === ZEROS) part.fill(0);
      else part.set(bytesOf(chunk).subarray(inChunk, inChunk + length));
    }
  }

  /** Copies bytes of bits in; what lies behind the end is dropped. */
  writeBytes(source: Uint8Array, at: number): void {
    for (const { index, inChunk, offset, length } of partsOf(source.length, at)) {
      const before = this.#chunks[index];
      if (before === undefined) return;
      const { scratch, count } = kernels();
      if (length < CHUNK_BYTES) scratch.set(before);
      bytesOf(scratch).set(source.subarray(offset, offset + length), inChunk);
      const valid = this.#length - index * CHUNK_BITS;
      if (valid < CHUNK_BITS) resetBits(scratch, valid, CHUNK_BITS);
      this.#replace(index, scratch, count(scratch));
    }
  }

  #fillInChunk(index: number, from: number, to: number, value: 0 | 1): void {
    const target = value === 1 ? ONES : ZEROS;
    if (this.#chunks[index] === target) return;
    if (from === 0 && to === CHUNK_BITS) {
      this.#put(index, target, value * CHUNK_BITS);
      return;
    }
    const words = this.#own(index);
    const count = this.#counts[index]!;
    const next =
      value === 1 ? count + setBits(words, from, to) : count - resetBits(words, from, to);
    this.#recount(index, next);
  }

  /** The chunk's words, to be written to. */
  #own(index: number): Uint32Array {
    const chunk = this.#chunks[index]!;
    if (this.#owned[index] === 1) return chunk;
    const copy = chunk.slice();
    this.#chunks[index] = copy;
    this.#owned[index] = 1;
    return copy;
  }

  /** Puts a copy of `words` in the chunk's place, where it was not. */
  #replace(index: number, words: Uint32Array, count: number): void {
    if (count > 0 && count < CHUNK_BITS) {
      if (this.#owned[index] === 1) this.#chunks[index]!.set(words);
      else this.#chunks[index] = words.slice();
      this.#owned[index] = 1;
    }
    this.#recount(index, count);
  }

  /** Notes a new count, and gives the memory back where the chunk has become of one value. */
  #recount(index: number, count: number): void {
    const chunk = count === 0 ? ZEROS : count === CHUNK_BITS ? ONES : this.#chunks[index]!;
    this.#put(index, chunk, count);
  }

  #put(index: number, chunk: Uint32Array, count: number): void {
    this.#changes += 1;
    this.#count += count - this.#counts[index]!;
    this.#counts[index] = count;
    this.#chunks[index] = chunk;
    if (isUniform(chunk)) this.#owned[index] = 0;
  }
}
