import { CHUNK_WORDS, type Kernels } from './kernels.ts';
import { countBits, orWords } from '../words.ts';

/** Kernels for everywhere, and for little work. */
export function plainKernels(): Kernels {
  const scratch = new Uint32Array(CHUNK_WORDS);
  const folded = new Uint32Array(CHUNK_WORDS);
  const edges = new Uint16Array(CHUNK_WORDS * 32);
  return {
    scratch,
    edges,
    count: countBits,
    or(target, source) {
      orWords(target, source);
      return countBits(target);
    },
    fold(source, shift, at) {
      folded.set(source);
      for (let step = 1; step <= shift; step++) halve(folded, CHUNK_WORDS >>> step);
      scratch.set(folded.subarray(0, CHUNK_WORDS >>> shift), at / 4);
    },
    spread(source, at, shift) {
      scratch.set(source.subarray(at / 4, at / 4 + (CHUNK_WORDS >>> shift)));
      for (let step = shift - 1; step >= 0; step--) double(scratch, CHUNK_WORDS >>> (step + 1));
    },
    findEdges: (words, from, to, value) => findEdges({ words, edges }, from, to, value),
  };
}

/** To `count` words, of twice as many. */
function halve(words: Uint32Array, count: number): void {
  for (let i = 0; i < count; i++) {
    words[i] = halfOf(words[2 * i]!) | (halfOf(words[2 * i + 1]!) << 16);
  }
}

function halfOf(word: number): number {
  let half = (word | (word >>> 1)) & 0x5555_5555;
  half = (half | (half >>> 1)) & 0x3333_3333;
  half = (half | (half >>> 2)) & 0x0f0f_0f0f;
  half = (half | (half >>> 4)) & 0x00ff_00ff;
  return (half | (half >>> 8)) & 0xffff;
}

/** Of `count` words twice as many, from the end on, so that none is overwritten too soon. */
function double(words: Uint32Array, count: number): void {
  for (let i = count - 1; i >= 0; i--) {
    const word = words[i]!;
    words[2 * i + 1] = twice(word >>> 16);
    words[2 * i] = twice(word & 0xffff);
  }
}

function twice(half: number): number {
  let word = (half | (half << 8)) & 0x00ff_00ff;
  word = (word | (word << 4)) & 0x0f0f_0f0f;
  word = (word | (word << 2)) & 0x3333_3333;
  word = (word | (word << 1)) & 0x5555_5555;
  return word | (word << 1);
}

function findEdges(
  { words, edges }: { readonly words: Uint32Array; readonly edges: Uint16Array },
  from: number,
  to: number,
  value: 0 | 1,
): number {
  let found = 0;
  let before: number = value;
  // Bits before `from` are taken for `value`.
  let below = (1 << (from & 31)) - 1;
  for (let i = from >>> 5; i * 32 < to; i++) {
    const word = (words[i]! & ~below) | (below & -before);
    below = 0;
    let changes = word ^ ((word << 1) | before);
    before = word >>> 31;
    for (; changes !== 0; changes &= changes - 1) {
      edges[found++] = i * 32 + (31 - Math.clz32(changes & -changes));
    }
  }
  // The last word may have edges behind `to`.
  while (found > 0 && edges[found - 1]! >= to) found -= 1;
  return found;
}
