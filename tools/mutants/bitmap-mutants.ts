import type { Mutant } from './mutant.ts';

const BITMAP = 'packages/core/src/bitmap';
const PLAIN = `${BITMAP}/kernels/plain.ts`;
const VECTOR = `${BITMAP}/kernels/vector.ts`;
const CHUNKS = `${BITMAP}/chunks.ts`;
const ROW = `${BITMAP}/chunk-row.ts`;
const READER = `${BITMAP}/edge-reader.ts`;
const RESCALE = `${BITMAP}/rescale.ts`;

/** Each breaks one rule of bits in memory. */
export const BITMAP_MUTANTS: readonly Mutant[] = [
  {
    name: 'a run that was found before a change is listed after it',
    file: READER,
    by: 'dirty-bitmap.kernels',
    find: 'if (this.#at === this.#list.length || this.#changes !== this.#bits.changes) {',
    replace: 'if (this.#at === this.#list.length) {',
  },
  {
    name: 'after a change bits are looked at behind those that were found before it',
    file: READER,
    find: 'this.#from = this.#edge;',
    replace: '',
    also: { find: 'this.#from = from;', replace: 'this.#from = from; void this.#edge;' },
  },
  {
    name: 'what lies between an odd edge and the next bits is taken for its opposite',
    file: READER,
    find: 'if (this.#at % 2 === 1) this.#value = this.#value === 0 ? 1 : 0;',
    replace: '',
  },
  {
    name: 'edges stay where the kernels put those of the next one who asks',
    file: READER,
    find: 'this.#list = edges.slice(0, ',
    replace: 'this.#list = edges.subarray(0, ',
  },
  {
    name: 'a mark does not count as a change',
    file: ROW,
    find: 'this.#changes += 1;\n    this.#setCount(index, count);',
    replace: 'this.#setCount(index, count);',
  },
  {
    name: 'a single bit is set in a chunk that others share',
    file: CHUNKS,
    find: 'row.own(index)[at]! |= mask;',
    replace: 'row.at(index)![at]! |= mask;',
  },
  {
    name: 'the memory of kernels becomes that of a bitmap',
    file: ROW,
    find: 'else this.#setChunk(index, words.slice());',
    replace: 'else this.#setChunk(index, words);',
  },
  {
    name: 'bytes replace a chunk that others share',
    file: ROW,
    find: 'if (this.#owned[index] === 1) this.#chunks[index]!.set(words);',
    replace: 'if (!isUniform(this.#chunks[index]!)) this.#chunks[index]!.set(words);',
  },
  {
    name: 'a part of a chunk replaces all of it',
    file: CHUNKS,
    find: 'if (before !== undefined) scratch.set(before);',
    replace: '',
  },
  {
    name: 'coarser bits are merged behind the end',
    file: RESCALE,
    find: 'if (valid < CHUNK_BITS) resetBits(scratch, valid, CHUNK_BITS);',
    replace: '',
  },
  {
    name: 'a chunk of finer bits that are all set is left out',
    file: RESCALE,
    find: 'if (chunk === undefined || chunk === ZEROS) continue;',
    replace: 'if (chunk === undefined || chunk === ZEROS || chunk === ONES) continue;',
  },
  {
    name: 'finer bits are folded over those of the chunk before',
    file: RESCALE,
    find: 'if (isClear) scratch.fill(0);',
    replace: '',
  },
  {
    name: 'vectors fold three times where bits are to be folded twice',
    file: VECTOR,
    find: 'const step = left >= 3 ? 3 : 1;',
    replace: 'const step = left >= 2 ? 3 : 1;',
  },
  {
    name: 'vectors spread bits over those that are still to be spread',
    file: VECTOR,
    find: 'to = to === STEPS ? STEPS + CHUNK_BYTES : STEPS;',
    replace: '',
  },
  {
    name: 'vectors merge with what lay in scratch before',
    file: VECTOR,
    find: 'if (source !== scratch) scratch.set(source);',
    replace: '',
  },
  {
    name: 'plain kernels list edges behind the end',
    file: PLAIN,
    find: 'while (found > 0 && edges[found - 1]! >= to) found -= 1;',
    replace: '',
  },
  {
    name: 'plain kernels take bits before the range into account',
    file: PLAIN,
    find: 'let below = (1 << (from & 31)) - 1;',
    replace: 'let below = 0;',
  },
];
