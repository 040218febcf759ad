import { CHUNK_BITS, CHUNK_BYTES, ONES, ZEROS } from './chunk.ts';
import type { ChunkedBits } from './chunks.ts';
import { kernels } from './kernels/choose.ts';
import { CHUNK_WORDS } from './kernels/kernels.ts';
import { resetBits } from './words.ts';

/**
 * `target` OR the bits of another bitmap of the same disk, 2^shift of which lie in one of its own;
 * where `shift` is negative, each covers 2^-shift. At most MAX_SHIFT.
 */
export function mergeBits(target: ChunkedBits, source: ChunkedBits, shift: number): void {
  if (shift === 0) target.or(source);
  else if (shift > 0) orFiner(target, source, shift);
  else orCoarser(target, source, -shift);
}

function orFiner(target: ChunkedBits, source: ChunkedBits, shift: number): void {
  for (let index = 0; index < target.chunkCount; index++) {
    if (target.chunk(index) === ONES) continue;
    const folded = foldChunks(source, index * 2 ** shift, shift);
    if (folded !== undefined) target.orChunk(index, folded);
  }
}

/** 2^shift chunks as one; nothing when all of them are clear. */
function foldChunks(source: ChunkedBits, first: number, shift: number): Uint32Array | undefined {
  const { scratch, fold } = kernels();
  let isClear = true;
  for (let part = 0; part < 2 ** shift; part++) {
    const chunk = source.chunk(first + part);
    if (chunk === undefined || chunk === ZEROS) continue;
    if (isClear) scratch.fill(0);
    isClear = false;
    if (chunk === ONES) {
      scratch.fill(
        0xffff_ffff,
        (part * CHUNK_WORDS) >>> shift,
        ((part + 1) * CHUNK_WORDS) >>> shift,
      );
    } else fold(chunk, shift, (part * CHUNK_BYTES) >>> shift);
  }
  return isClear ? undefined : scratch;
}

function orCoarser(target: ChunkedBits, source: ChunkedBits, shift: number): void {
  for (let index = 0; index < target.chunkCount; index++) {
    const from = source.chunk(index >>> shift)!;
    const begin = index * CHUNK_BITS;
    const valid = Math.min(CHUNK_BITS, target.length - begin);
    if (from === ZEROS || target.chunk(index) === ONES) continue;
    if (from === ONES) target.fill(begin, begin + valid, 1);
    else {
      const { scratch, spread } = kernels();
      spread(from, ((index & (2 ** shift - 1)) * CHUNK_BYTES) >>> shift, shift);
      if (valid < CHUNK_BITS) resetBits(scratch, valid, CHUNK_BITS);
      target.orChunk(index, scratch);
    }
  }
}
