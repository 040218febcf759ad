import type { Mutant } from './mutant.ts';

const ROW = 'packages/core/src/bitmap/chunk-row.ts';
const UNREAD = 'packages/core/src/bitmap/unread-bits.ts';

/** Each breaks one rule of bits that are read when they are needed. */
export const UNREAD_MUTANTS: readonly Mutant[] = [
  {
    name: 'a bitmap that nobody has read is taken for a clear one',
    file: ROW,
    find: 'this.#count === 0 && (this.#unread === undefined || this.#unread.left === 0)',
    replace: 'this.#count === 0',
  },
  {
    name: 'bits that cannot be read are clean to all',
    file: ROW,
    find: "if (unreadable === 'clean') return ZEROS;",
    replace: 'if (valid > 0 || unreadable !== undefined) return ZEROS;',
  },
  {
    name: 'bits that cannot be read later are certainly dirty',
    file: ROW,
    find: 'bits: this.#unread.bits, unreadable, left',
    replace: "bits: this.#unread.bits, unreadable: 'dirty', left",
  },
  {
    name: 'bits that could not be read before are certainly dirty',
    file: ROW,
    find: "if (unreadable === 'clean') copy.#dropFailed();",
    replace: 'void copy.#dropFailed;',
  },
  {
    name: 'what could not be read is forgotten once nothing is left to be read',
    file: ROW,
    find: 'unread.left === 0 && unread.bits.failures === 0',
    replace: 'unread.left === 0',
  },
  {
    name: 'what was read late takes the place of what was read before it was written over',
    file: UNREAD,
    find: 'if (!isWanted(index + i)) continue;',
    replace: '',
  },
  {
    name: 'bits behind the end are read with the others',
    file: UNREAD,
    find: 'if (valid < CHUNK_BITS) resetBits(chunk, valid, CHUNK_BITS);',
    replace: '',
  },
  {
    name: 'the last of the chunks that are written over is not read before',
    file: UNREAD,
    find: 'Math.ceil((at + length) / CHUNK_BYTES)',
    replace: 'Math.floor((at + length) / CHUNK_BYTES)',
  },
];

/** Of bits that lie in an image meanwhile. */
export const LATE_MUTANTS: readonly Mutant[] = [
  {
    name: 'a count is as before when bits that it counts cannot be read any more',
    file: ROW,
    find: 'unread.failuresThen !== unread.bits.failures',
    replace: 'unread.failuresThen === undefined',
  },
  {
    name: 'bits are written over that nobody has read yet',
    file: 'packages/qcow2/src/bitmaps/live-table.ts',
    find: 'this.#unread.keep(this.#record.name, at, bytes.length);',
    replace: 'void this.#unread;',
  },
  {
    name: 'clusters are given away whose bits nobody has read yet',
    file: 'packages/qcow2/src/bitmaps/free-replaced.ts',
    find: 'await unread.keepAll(dropped.map(({ name }) => name));',
    replace: 'void unread;',
  },
  {
    name: 'what could not be read is asked for again',
    file: UNREAD,
    find: 'this.#known[index] = Known.FAILED;',
    replace: '',
  },
];

/** Of those that record. */
export const FLOOR_MUTANTS: readonly Mutant[] = [
  {
    name: 'what cannot be read is taken for durable on disk',
    file: 'packages/tracking/src/live/live-bitmap.ts',
    find: "this.#floor = stored.clone({ unreadable: 'clean' });",
    replace: 'this.#floor = stored.clone();',
  },
];
