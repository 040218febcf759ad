import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DirtyExtent } from '../src/bitmap/extents.ts';
import { DirtyBitmap } from '../src/dirty-bitmap.ts';
import {
  bytesIn,
  deserialize,
  makePair,
  type Operation,
  operation,
  type Pair,
  type Place,
  place,
} from './support/bitmap-operations.ts';

const granularity = fc.constantFrom(512, 1024, 4096);

/** Sizes in granules, and a part of one behind. */
const small = fc.nat({ max: 150 });
const aroundChunks = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: -65, max: 65 }))
  .map(([chunks, off]) => chunks * 32_768 + off);
const tail = fc.constantFrom(0, 1, 511);

function expectSame({ real, naive }: Pair): void {
  expect(real.diskSize).toBe(naive.diskSize);
  expect(real.length).toBe(naive.bits.length);
  expect(real.count).toBe(naive.count);
  expect(real.dirtyBytes).toBe(naive.count * naive.granularity);
  const bytes = new Uint8Array(real.serializedLength);
  real.serialize(bytes);
  // Buffers compare at once; the tail bits are among the bytes.
  expect(Buffer.compare(bytes, naive.bytes())).toBe(0);
  const runs = naive.runs(0, naive.diskSize);
  expectRuns(real.extents(), runs);
  expectRuns(
    real.dirtyExtents(),
    runs.filter(({ dirty }) => dirty),
  );
}

/** As `toEqual` does, which takes long over a hundred thousand runs. */
function expectRuns(actual: Iterable<DirtyExtent>, expected: readonly DirtyExtent[]): void {
  const found = [...actual];
  const wrong = found.findIndex((run, i) => {
    const { offset, length, dirty } = expected[i] ?? { offset: -1, length: -1, dirty: false };
    return run.offset !== offset || run.length !== length || run.dirty !== dirty;
  });
  const first = Math.max(0, wrong < 0 ? expected.length - 1 : wrong);
  expect(found.slice(first, first + 2)).toEqual(expected.slice(first, first + 2));
}

function runAll(pair: Pair, operations: readonly Operation[], maxGranules: number): void {
  for (const { run } of operations) {
    run(pair, { maxGranules });
    expectSame(pair);
  }
}

/** Any bitmap, by way of operations. */
function pairOf(granules: fc.Arbitrary<number>, maxGranules: number): fc.Arbitrary<Pair> {
  return fc
    .tuple(granules, tail, granularity, fc.array(operation, { maxLength: 8 }))
    .map(([count, rest, bytes, operations]) => {
      const pair = makePair(count * bytes + rest, bytes);
      for (const { run } of operations) run(pair, { maxGranules });
      return pair;
    });
}

const anyPair = fc.oneof(
  { arbitrary: pairOf(small, 200), weight: 19 },
  { arbitrary: pairOf(aroundChunks, 100_000), weight: 1 },
);

describe('DirtyBitmap, compared with a naive one', () => {
  it('is the same after any operations on a small disk', () => {
    fc.assert(
      fc.property(small, tail, granularity, fc.array(operation), (count, rest, bytes, all) => {
        runAll(makePair(count * bytes + rest, bytes), all, 200);
      }),
      { numRuns: 800 },
    );
  });

  it('is the same after any operations around the ends of chunks', () => {
    const few = fc.array(operation, { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(aroundChunks, tail, few, (count, rest, all) => {
        runAll(makePair(count * 1024 + rest, 1024), all, 100_000);
      }),
      { numRuns: 100 },
    );
  });

  it('is the same after any bits were merged into any others', () => {
    const bits = fc.uint8Array({ maxLength: 24 });
    const shift = fc.integer({ min: 0, max: 5 });
    fc.assert(
      fc.property(
        bits,
        bits,
        shift,
        shift,
        fc.nat({ max: 70_000 }),
        (from, into, a, b, diskSize) => {
          const source = makePair(diskSize, 512 * 2 ** a);
          const target = makePair(diskSize, 512 * 2 ** b);
          deserialize(source, from);
          deserialize(target, into);
          target.real.merge(source.real);
          target.naive.merge(source.naive);
          expectSame(target);
          expectSame(source);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('finds the next dirty and the next clean byte in any range', () => {
    fc.assert(
      fc.property(anyPair, place, place, ({ real, naive }, first, second) => {
        const [offset, end] = pointsIn(real, first, second);
        expect(real.nextDirty(offset, end)).toBe(naive.next(offset, end, true));
        expect(real.nextClean(offset, end)).toBe(naive.next(offset, end, false));
        expect(real.nextDirty(offset)).toBe(naive.next(offset, naive.diskSize, true));
        expect(real.nextClean(offset)).toBe(naive.next(offset, naive.diskSize, false));
      }),
      { numRuns: 800 },
    );
  });

  it('gives the runs of any range, cut at its ends', () => {
    fc.assert(
      fc.property(anyPair, place, place, ({ real, naive }, first, second) => {
        const [a, b] = pointsIn(real, first, second);
        const offset = Math.min(a, b, real.diskSize);
        const length = Math.min(Math.max(a, b), real.diskSize) - offset;
        const runs = naive.runs(offset, length);
        expectRuns(real.extents(offset, length), runs);
        expectRuns(
          real.dirtyExtents(offset, length),
          runs.filter(({ dirty }) => dirty),
        );
      }),
      { numRuns: 800 },
    );
  });

  it('tests any byte', () => {
    fc.assert(
      fc.property(anyPair, place, ({ real, naive }, where) => {
        fc.pre(real.diskSize > 0);
        const offset = where(real.diskSize - 1, real.granularity);
        expect(real.isDirty(offset)).toBe(naive.bits[Math.floor(offset / real.granularity)]);
      }),
      { numRuns: 300 },
    );
  });

  it('gives any part of its bytes, says what it holds, and hashes the whole', () => {
    fc.assert(
      fc.property(anyPair, place, place, ({ real, naive }, first, second) => {
        const [at, length] = bytesIn([first, second], real);
        const expected = new Uint8Array(at + length);
        expected.set(naive.bytes().subarray(0, at + length));
        const part = new Uint8Array(length).fill(0x77);
        real.serialize(part, at);
        expect(Buffer.compare(part, expected.subarray(at))).toBe(0);
        expect(real.contentOf(at, length)).toBe(kindOf(expected.subarray(at)));
        expect(real.sha256()).toBe(createHash('sha256').update(naive.bytes()).digest('hex'));
      }),
      { numRuns: 800 },
    );
  });

  it('is made again from its bytes, in whatever parts they come', () => {
    fc.assert(
      fc.property(anyPair, fc.integer({ min: 1, max: 5000 }), ({ real }, step) => {
        const copy = new DirtyBitmap(real.diskSize, real.granularity);
        copy.setAll();
        for (let at = 0; at < real.serializedLength; at += step) {
          const part = new Uint8Array(Math.min(step, real.serializedLength - at));
          real.serialize(part, at);
          copy.deserialize(part, at);
        }
        expect(copy.equals(real)).toBe(true);
        expect(copy.count).toBe(real.count);
      }),
      { numRuns: 150 },
    );
  });

  it('is equal to its clone until one of the two changes, and then alone', () => {
    fc.assert(
      fc.property(anyPair, place, (pair, where) => {
        const { real } = pair;
        fc.pre(real.diskSize > 0);
        const copy = real.clone();
        expect(copy.equals(real) && real.equals(copy)).toBe(true);
        const offset = Math.floor(where(real.diskSize - 1, 1) / real.granularity);
        flip(copy, offset * real.granularity);
        expect(copy.equals(real) || real.equals(copy)).toBe(false);
        expectSame(pair);
      }),
      { numRuns: 150 },
    );
  });
});

/** Points on the disk or a little behind it. */
function pointsIn(real: DirtyBitmap, first: Place, second: Place): [number, number] {
  const unit = real.length > 32_768 ? 32_768 * real.granularity : real.granularity;
  return [first(real.diskSize + 1000, unit), second(real.diskSize + 1000, real.granularity)];
}

function kindOf(bytes: Uint8Array): 'zeros' | 'ones' | 'mixed' {
  if (bytes.every((byte) => byte === 0)) return 'zeros';
  return bytes.every((byte) => byte === 0xff) ? 'ones' : 'mixed';
}

function flip(bitmap: DirtyBitmap, offset: number): void {
  const length = Math.min(bitmap.granularity, bitmap.diskSize - offset);
  if (bitmap.isDirty(offset)) bitmap.reset(offset, length);
  else bitmap.set(offset, length);
}
