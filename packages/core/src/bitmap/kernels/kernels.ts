/** Of a chunk: 4 KiB of bits, lowest first. */
export const CHUNK_WORDS = 1024;

/** The largest ratio of two granularities that kernels go between, as a power of two. */
export const MAX_SHIFT = 8;

/**
 * What is done to whole chunks. `scratch` and `edges` are memory of the kernels: what they hold is
 * gone at the next call of any user, so it is taken out at once.
 */
export interface Kernels {
  /** A chunk that callers fill, or have filled by `fold` and `spread`. */
  readonly scratch: Uint32Array;
  /** Where `findEdges` puts them. */
  readonly edges: Uint16Array;
  /** Set bits of a chunk. */
  readonly count: (words: Uint32Array) => number;
  /** Puts `source` into `target`; returns how many bits of that are set now. */
  readonly or: (target: Uint32Array, source: Uint32Array) => number;
  /** Makes of 2^shift bits one, set when one of them is; puts them into scratch from byte `at` on. */
  readonly fold: (source: Uint32Array, shift: number, at: number) => void;
  /** Fills scratch with bits of `source` from byte `at` on, each 2^shift times. */
  readonly spread: (source: Uint32Array, at: number, shift: number) => void;
  /**
   * Bits [from, to) whose value is not that of the bit before; that of the first one is compared
   * with `value`. Returns how many of them `edges` has now.
   */
  readonly findEdges: (words: Uint32Array, from: number, to: number, value: 0 | 1) => number;
}
