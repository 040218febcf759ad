import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHUNK_WORDS, type Kernels, MAX_SHIFT } from '../src/bitmap/kernels/kernels.ts';
import { plainKernels } from '../src/bitmap/kernels/plain.ts';
import { vectorKernels } from '../src/bitmap/kernels/vector.ts';

const BITS = CHUNK_WORDS * 32;
const BYTES = CHUNK_WORDS * 4;
/** Longer than a row of the vectors, so that they meet rows of one value and of both. */
const MAX_RUN = 3000;

/** Runs of bits of both values in turn, some of them at random. */
const chunk: fc.Arbitrary<Uint32Array> = fc
  .record({
    runs: fc.array(
      fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(32, 64, 512, MAX_RUN)),
      { minLength: 1, maxLength: 60 },
    ),
    first: fc.constantFrom(0, 1),
    words: fc.array(fc.tuple(fc.nat({ max: CHUNK_WORDS - 1 }), fc.integer()), { maxLength: 8 }),
    isRepeated: fc.boolean(),
  })
  .map(({ runs, first, words, isRepeated }) => {
    const made = new Uint32Array(CHUNK_WORDS);
    let bit = 0;
    const count = isRepeated ? BITS : runs.length;
    for (let i = 0; bit < BITS && i < count; i++) {
      const end = Math.min(BITS, bit + runs[i % runs.length]!);
      for (; bit < end; bit++) if ((i + first) % 2 === 1) setBit(made, bit);
    }
    for (const [index, word] of words) made[index] = word;
    return made;
  });

function setBit(words: Uint32Array, bit: number): void {
  words[Math.floor(bit / 32)]! |= 2 ** (bit % 32);
}

const bitOf = (words: Uint32Array, bit: number): number =>
  Math.floor(words[Math.floor(bit / 32)]! / 2 ** (bit % 32)) % 2;

const bitsOf = (words: Uint32Array): number[] =>
  Array.from({ length: words.length * 32 }, (_, bit) => bitOf(words, bit));

const wordsOf = (bits: readonly number[]): Uint32Array => {
  const words = new Uint32Array(Math.ceil(bits.length / 32));
  for (const [bit, value] of bits.entries()) if (value === 1) setBit(words, bit);
  return words;
};

const sum = (bits: readonly number[]): number => bits.reduce((all, bit) => all + bit, 0);

const shift = fc.integer({ min: 1, max: MAX_SHIFT });
/** A part of a chunk, as the shift divides it. */
const part = fc.tuple(shift, fc.nat()).map(([by, at]) => {
  const length = BYTES / 2 ** by;
  return { by, length, at: (at % 2 ** by) * length };
});

const KINDS: readonly (readonly [string, Kernels | undefined])[] = [
  ['plain', plainKernels()],
  ['vector', vectorKernels()],
];

describe.each(KINDS)('%s kernels, compared with bits one by one', (_, made) => {
  const kernels = made!;
  const check = <T>(property: fc.IProperty<T>): void => fc.assert(property, { numRuns: 60 });

  it('count', () => {
    check(
      fc.property(chunk, (words) => {
        const expected = sum(bitsOf(words));
        expect(kernels.count(words)).toBe(expected);
        kernels.scratch.set(words);
        expect(kernels.count(kernels.scratch)).toBe(expected);
      }),
    );
  });

  it('count a chunk that is all set', () => {
    expect(kernels.count(new Uint32Array(CHUNK_WORDS).fill(0xffff_ffff))).toBe(BITS);
  });

  it('merge two chunks, and count', () => {
    check(
      fc.property(chunk, chunk, fc.boolean(), (target, source, isScratch) => {
        const before = bitsOf(target);
        const other = bitsOf(source);
        const expected = before.map((bit, i) => Math.max(bit, other[i]!));
        if (isScratch) kernels.scratch.set(source);
        const count = kernels.or(target, isScratch ? kernels.scratch : source);
        expect(count).toBe(sum(expected));
        expect(target).toEqual(wordsOf(expected));
        expect(bitsOf(source)).toEqual(other);
      }),
    );
  });

  it('fold bits into fewer, where they are to lie', () => {
    check(
      fc.property(chunk, part, chunk, (source, { by, at, length }, around) => {
        const bits = bitsOf(source);
        const expected = bitsOf(around);
        for (let bit = 0; bit < length * 8; bit++) {
          const group = bits.slice(bit * 2 ** by, (bit + 1) * 2 ** by);
          expected[at * 8 + bit] = group.includes(1) ? 1 : 0;
        }
        kernels.scratch.set(around);
        kernels.fold(source, by, at);
        expect(kernels.scratch.slice()).toEqual(wordsOf(expected));
        expect(bitsOf(source)).toEqual(bits);
      }),
    );
  });

  it('spread bits over more', () => {
    check(
      fc.property(chunk, part, (source, { by, at }) => {
        const expected = Array.from({ length: BITS }, (_, bit) =>
          bitOf(source, at * 8 + Math.floor(bit / 2 ** by)),
        );
        kernels.spread(source, at, by);
        expect(kernels.scratch.slice()).toEqual(wordsOf(expected));
      }),
    );
  });

  it('find where bits change', () => {
    const place = fc.oneof(
      fc.nat({ max: BITS }),
      fc.nat({ max: BITS / 64 }).map((word) => word * 64),
      fc.constantFrom(0, BITS),
    );
    check(
      fc.property(chunk, place, place, fc.constantFrom(0, 1), (words, a, b, value) => {
        const from = Math.min(a, b);
        const to = Math.max(a, b);
        const expected: number[] = [];
        for (let bit = from, before: number = value; bit < to; bit++) {
          if (bitOf(words, bit) !== before) expected.push(bit);
          before = bitOf(words, bit);
        }
        const found = kernels.findEdges(words, from, to, value);
        expect([...kernels.edges.subarray(0, found)]).toEqual(expected);
      }),
    );
  });

  it('find as many changes as there are bits', () => {
    const words = new Uint32Array(CHUNK_WORDS).fill(0x5555_5555);
    expect(kernels.findEdges(words, 0, BITS, 0)).toBe(BITS);
    expect(kernels.edges.every((edge, bit) => edge === bit)).toBe(true);
  });
});

it('vectors are to be had wherever tests run', () => {
  expect(vectorKernels()).toBeDefined();
});
