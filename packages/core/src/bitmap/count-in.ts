import { CHUNK_BITS, ONES, ZEROS } from './chunk.ts';
import type { ChunkedBits } from './chunks.ts';
import type { Range } from './extents.ts';
import { countBitsIn } from './words.ts';

/** Bytes of the range that lie in granules whose bit is set. */
export function dirtyBytesIn(bits: ChunkedBits, { offset, end, granularity }: Range): number {
  if (offset === end) return 0;
  const first = Math.floor(offset / granularity);
  const last = Math.floor((end - 1) / granularity);
  if (first === last) return bits.test(first) ? end - offset : 0;
  const inner = countIn(bits, first + 1, last) * granularity;
  const head = bits.test(first) ? (first + 1) * granularity - offset : 0;
  const tail = bits.test(last) ? end - last * granularity : 0;
  return head + inner + tail;
}

/** Set bits of [from, to). Looks at the words of the first and the last chunk only. */
function countIn(bits: ChunkedBits, from: number, to: number): number {
  let count = 0;
  for (let start = from; start < to;) {
    const index = Math.floor(start / CHUNK_BITS);
    const base = index * CHUNK_BITS;
    const end = Math.min(to, base + CHUNK_BITS);
    const isWhole = end - start === CHUNK_BITS;
    count += isWhole
      ? bits.countOf(index)
      : countInChunk(bits.chunk(index)!, start - base, end - base);
    start = end;
  }
  return count;
}

function countInChunk(chunk: Uint32Array, from: number, to: number): number {
  if (chunk === ZEROS) return 0;
  return chunk === ONES ? to - from : countBitsIn(chunk, from, to);
}
