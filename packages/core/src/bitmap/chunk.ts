import { CHUNK_WORDS } from './kernels/kernels.ts';

/** Bytes of bits in a chunk: 4 KiB, 2 GiB of disk at 64 KiB a bit. */
export const CHUNK_BYTES: number = CHUNK_WORDS * 4;
export const CHUNK_BITS: number = CHUNK_BYTES * 8;

// Stand for a whole chunk of one value, at no cost. Compared by identity, never written to.
export const ZEROS: Uint32Array = new Uint32Array(CHUNK_WORDS);
export const ONES: Uint32Array = new Uint32Array(CHUNK_WORDS).fill(0xffff_ffff);
/** Stands for a chunk that is not in memory. Who takes it for bits by mistake finds all of them set. */
export const UNREAD: Uint32Array = ONES.slice();

export const isUniform = (chunk: Uint32Array): boolean => chunk === ZEROS || chunk === ONES;

/** By doubling: in a short program, a loop over the 8192 chunks of 16 TiB takes milliseconds. */
export function clearChunks(count: number): Uint32Array[] {
  let chunks: Uint32Array[] = [ZEROS];
  while (chunks.length < count) chunks = chunks.concat(chunks);
  chunks.length = count;
  return chunks;
}

/** A part of a row of bytes that lies in one chunk. */
export interface Part {
  /** Of the chunk. */
  readonly index: number;
  /** In the chunk, in bytes. */
  readonly inChunk: number;
  /** In what is copied, in bytes. */
  readonly offset: number;
  readonly length: number;
}

/** The parts of `size` bytes, the first of which is byte `at` of the row. */
export function* partsOf(size: number, at: number): Generator<Part> {
  for (let offset = 0; offset < size;) {
    const index = Math.floor((at + offset) / CHUNK_BYTES);
    const inChunk = at + offset - index * CHUNK_BYTES;
    const length = Math.min(size - offset, CHUNK_BYTES - inChunk);
    yield { index, inChunk, offset, length };
    offset += length;
  }
}

// Bits lie lowest first in bytes, and so do they in words where the machine is little-endian.
export function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

export function sameWords(a: Uint32Array, b: Uint32Array): boolean {
  if (a === b) return true;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1) {
  throw new TypeError('@tidemark/core needs a little-endian machine');
}
