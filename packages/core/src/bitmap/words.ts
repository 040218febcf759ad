// Kernels over the 32-bit words of one chunk. Bits are counted from the lowest bit of the first
// word; ranges are [from, to). Nothing here knows of granules, so that it can be replaced whole.

function popcount(word: number): number {
  let n = word - ((word >>> 1) & 0x5555_5555);
  n = (n & 0x3333_3333) + ((n >>> 2) & 0x3333_3333);
  n = (n + (n >>> 4)) & 0x0f0f_0f0f;
  return Math.imul(n, 0x0101_0101) >>> 24;
}

/** The bits of a word from `from` (0..31) to its end. */
const headMask = (from: number): number => (-1 << from) >>> 0;
/** The bits of a word before `to` (1..32). */
const tailMask = (to: number): number => (-1 >>> (32 - to)) >>> 0;

/** Sets bits; returns how many of them were clear. */
export function setBits(words: Uint32Array, from: number, to: number): number {
  return change(words, from, to, (word, mask) => (word | mask) >>> 0);
}

/** Clears bits; returns how many of them were set. */
export function resetBits(words: Uint32Array, from: number, to: number): number {
  return change(words, from, to, (word, mask) => (word & ~mask) >>> 0);
}

function change(
  words: Uint32Array,
  from: number,
  to: number,
  apply: (word: number, mask: number) => number,
): number {
  const last = (to - 1) >>> 5;
  let changed = 0;
  for (let i = from >>> 5; i <= last; i++) {
    let mask = i === from >>> 5 ? headMask(from & 31) : 0xffff_ffff;
    if (i === last) mask &= tailMask(((to - 1) & 31) + 1);
    const word = words[i]!;
    const next = apply(word, mask >>> 0);
    if (next === word) continue;
    changed += popcount(word ^ next);
    words[i] = next;
  }
  return changed;
}

/** Set bits of [from, to). */
export function countBitsIn(words: Uint32Array, from: number, to: number): number {
  const last = (to - 1) >>> 5;
  let count = 0;
  let mask = headMask(from & 31);
  for (let i = from >>> 5; i <= last; i++) {
    if (i === last) mask &= tailMask(((to - 1) & 31) + 1);
    count += popcount(words[i]! & mask);
    mask = 0xffff_ffff;
  }
  return count;
}

/** The first bit of [from, to) that is `wanted`, or -1. */
export function findBit(words: Uint32Array, from: number, to: number, wanted: 0 | 1): number {
  const flip = wanted === 1 ? 0 : 0xffff_ffff;
  const last = (to - 1) >>> 5;
  let mask = headMask(from & 31);
  for (let i = from >>> 5; i <= last; i++) {
    const hits = ((words[i]! ^ flip) & mask) >>> 0;
    mask = 0xffff_ffff;
    if (hits === 0) continue;
    const found = i * 32 + (31 - Math.clz32(hits & -hits));
    return found < to ? found : -1;
  }
  return -1;
}

/** Puts `source` into `target` by OR; returns how many bits it added. */
export function orWords(target: Uint32Array, source: Uint32Array): number {
  let added = 0;
  for (let i = 0; i < target.length; i++) {
    const before = target[i]!;
    const after = (before | source[i]!) >>> 0;
    if (after === before) continue;
    added += popcount(before ^ after);
    target[i] = after;
  }
  return added;
}

export function countBits(words: Uint32Array): number {
  let count = 0;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word !== 0) count += popcount(word);
  }
  return count;
}
