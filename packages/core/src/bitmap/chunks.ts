import { countBits, findBit, orWords, resetBits, setBits } from './words.ts';

const CHUNK_WORDS = 1024;
/** Bytes of bits in a chunk: 4 KiB, 2 GiB of disk at 64 KiB a bit. */
export const CHUNK_BYTES: number = CHUNK_WORDS * 4;
export const CHUNK_BITS: number = CHUNK_BYTES * 8;

// Stand for a whole chunk of one value, at no cost. Compared by identity, never written to.
const ZEROS: Uint32Array = new Uint32Array(CHUNK_WORDS);
const ONES: Uint32Array = new Uint32Array(CHUNK_WORDS).fill(0xffff_ffff);

const isUniform = (chunk: Uint32Array): boolean => chunk === ZEROS || chunk === ONES;

function clearChunks(count: number): Uint32Array[] {
  const chunks: Uint32Array[] = [];
  for (let index = 0; index < count; index++) chunks.push(ZEROS);
  return chunks;
}

/**
 * A row of bits in chunks, up to 2^32 of them. Bits behind `length` are always clear. A copy shares
 * its chunks with the original; whoever changes one takes a copy of that chunk first.
 */
export class ChunkedBits {
  #length: number;
  #count = 0;
  #chunks: Uint32Array[];
  /** Set bits of each chunk. */
  #counts: Uint16Array;
  /** 1 for each chunk that nobody else has. */
  #owned: Uint8Array;

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

  /** Bytes of the chunks that are not all of one value. */
  get allocatedBytes(): number {
    return this.#chunks.reduce((sum, chunk) => sum + (isUniform(chunk) ? 0 : CHUNK_BYTES), 0);
  }

  test(bit: number): boolean {
    const index = Math.floor(bit / CHUNK_BITS);
    const at = bit - index * CHUNK_BITS;
    return (this.#chunks[index]![at >>> 5]! & (1 << (at & 31))) !== 0;
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
      } else this.#recount(i, this.#counts[i]! + orWords(this.#own(i), from));
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
    this.#eachPart(target.length, at, (index, inChunk, offset, length) => {
      const chunk = this.#chunks[index];
      const part = target.subarray(offset, offset + length);
      if (chunk === undefined || chunk === ZEROS) part.fill(0);
      else part.set(bytesOf(chunk).subarray(inChunk, inChunk + length));
    });
  }

  /** Copies bytes of bits in; what lies behind the end is dropped. */
  writeBytes(source: Uint8Array, at: number): void {
    this.#eachPart(source.length, at, (index, inChunk, offset, length) => {
      if (index >= this.#chunks.length) return;
      const part = source.subarray(offset, offset + length);
      const bit = index * CHUNK_BITS + inChunk * 8;
      const uniform = length === CHUNK_BYTES ? uniformByte(part) : undefined;
      if (uniform !== undefined) {
        this.fill(bit, Math.min(this.#length, bit + CHUNK_BITS), uniform === 0 ? 0 : 1);
        return;
      }
      const words = this.#own(index);
      bytesOf(words).set(part, inChunk);
      const valid = Math.min(CHUNK_BITS, this.#length - index * CHUNK_BITS);
      if (valid < CHUNK_BITS) resetBits(words, valid, CHUNK_BITS);
      this.#recount(index, countBits(words));
    });
  }

  #eachPart(
    size: number,
    at: number,
    visit: (index: number, inChunk: number, offset: number, length: number) => void,
  ): void {
    for (let offset = 0; offset < size;) {
      const index = Math.floor((at + offset) / CHUNK_BYTES);
      const inChunk = at + offset - index * CHUNK_BYTES;
      const length = Math.min(size - offset, CHUNK_BYTES - inChunk);
      visit(index, inChunk, offset, length);
      offset += length;
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

  /** Notes a new count, and gives the memory back where the chunk has become of one value. */
  #recount(index: number, count: number): void {
    const chunk = count === 0 ? ZEROS : count === CHUNK_BITS ? ONES : this.#chunks[index]!;
    this.#put(index, chunk, count);
  }

  #put(index: number, chunk: Uint32Array, count: number): void {
    this.#count += count - this.#counts[index]!;
    this.#counts[index] = count;
    this.#chunks[index] = chunk;
    if (isUniform(chunk)) this.#owned[index] = 0;
  }
}

// Bits lie lowest first in bytes, and so do they in words where the machine is little-endian.
function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

/** 0x00 or 0xff where all bytes are that. */
function uniformByte(bytes: Uint8Array): number | undefined {
  const first = bytes[0]!;
  if (first !== 0 && first !== 0xff) return undefined;
  const { buffer, byteOffset, length } = bytes;
  // Words at a time: of a large bitmap nearly all chunks are of one value, and all are looked at.
  const isAligned = byteOffset % 4 === 0 && length % 4 === 0;
  const units = isAligned ? new Uint32Array(buffer, byteOffset, length / 4) : bytes;
  const unit = first === 0 ? 0 : isAligned ? 0xffff_ffff : 0xff;
  for (let at = 0; at < units.length; at++) if (units[at] !== unit) return undefined;
  return first;
}

function sameWords(a: Uint32Array, b: Uint32Array): boolean {
  if (a === b) return true;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1) {
  throw new TypeError('@tidemark/core needs a little-endian machine');
}
