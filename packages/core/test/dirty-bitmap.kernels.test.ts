import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHUNK_BYTES } from '../src/bitmap/chunk.ts';
import { DirtyBitmap } from '../src/dirty-bitmap.ts';

const FINEST = 512;
const CHUNK_GRANULES = CHUNK_BYTES * 8;

interface Shape {
  readonly size: number;
  readonly granularity: number;
  /** In granules: where a run begins, and how long it is. */
  readonly runs: readonly (readonly [number, number])[];
}

/** Bits of few chunks, not all of them whole, with runs of any length and some whole chunks. */
const shape = (size: number, granularity: number): fc.Arbitrary<Shape> => {
  const last = Math.ceil(size / granularity) - 1;
  const length = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.nat({ max: 3 * CHUNK_GRANULES }));
  return fc
    .array(fc.tuple(fc.nat({ max: last }), length), { maxLength: 12 })
    .map((runs) => ({ size, granularity, runs }));
};

function bitmapOf({ size, granularity, runs }: Shape): DirtyBitmap {
  const bitmap = new DirtyBitmap(size, granularity);
  for (const [first, count] of runs) {
    const offset = first * granularity;
    bitmap.set(offset, Math.min(count * granularity, size - offset));
  }
  return bitmap;
}

/** By ranges, which is how merging is meant. */
function expected(target: Shape, source: Shape): DirtyBitmap {
  const merged = bitmapOf(target);
  for (const [first, count] of source.runs) {
    const offset = first * source.granularity;
    merged.set(offset, Math.min(count * source.granularity, source.size - offset));
  }
  return merged;
}

/** Of bits of the finer one. */
const size = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: -70, max: 70 }), fc.nat({ max: 511 }))
  .map(([chunks, off, rest]) => (chunks * CHUNK_GRANULES + off) * FINEST + rest);

const pair = (shift: number) =>
  size.chain((bytes) => fc.tuple(shape(bytes, FINEST), shape(bytes, FINEST * 2 ** shift)));

const SHIFTS = Array.from({ length: 11 }, (_, index) => index);

describe('merging bitmaps of two granularities', () => {
  it.each(SHIFTS)('is merging their ranges where one is 2^%d of the other', (shift) => {
    fc.assert(
      fc.property(pair(shift), fc.boolean(), ([fine, coarse], isFiner) => {
        const [target, source] = isFiner ? [coarse, fine] : [fine, coarse];
        const merged = bitmapOf(target);
        const other = bitmapOf(source);
        const copy = merged.clone();
        merged.merge(other);
        expect(merged.equals(expected(target, source))).toBe(true);
        expect(merged.count).toBe(expected(target, source).count);
        // Nobody else has changed, whatever is shared.
        expect(other.equals(bitmapOf(source))).toBe(true);
        expect(copy.equals(bitmapOf(target))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('takes no memory for what has no bits, nor for what has them all', () => {
    const disk = 64 * CHUNK_GRANULES * FINEST;
    const coarse = new DirtyBitmap(disk, 4 * FINEST);
    coarse.set(0, FINEST);
    coarse.set(disk / 2, disk / 4);
    const fine = new DirtyBitmap(disk, FINEST);
    fine.merge(coarse);
    expect(fine.allocatedBytes).toBe(CHUNK_BYTES);
    const folded = new DirtyBitmap(disk, 4 * FINEST);
    folded.merge(fine);
    expect(folded.allocatedBytes).toBe(CHUNK_BYTES);
    expect(folded.equals(coarse)).toBe(true);
  });
});

describe('a bitmap that changes while its runs are listed', () => {
  const bitmap = () => {
    const made = new DirtyBitmap(8192, FINEST);
    for (const granule of [1, 3, 5, 7]) made.set(granule * FINEST, 1);
    return made;
  };

  it('shows the changes in what is still to come', () => {
    const changed = bitmap();
    const found: number[] = [];
    for (const { offset, length } of changed.dirtyExtents()) {
      found.push(offset / FINEST, length / FINEST);
      if (offset === FINEST) {
        changed.reset(3 * FINEST, FINEST);
        changed.set(0, 1);
        changed.set(2 * FINEST, 1);
        changed.set(8 * FINEST, 2 * FINEST);
      }
    }
    expect(found).toEqual([1, 1, 2, 1, 5, 1, 7, 3]);
  });

  it('shows them among clean and dirty runs, none of them empty', () => {
    const changed = bitmap();
    const found: (readonly [number, number, boolean])[] = [];
    for (const { offset, length, dirty } of changed.extents()) {
      found.push([offset / FINEST, length / FINEST, dirty]);
      if (offset === 2 * FINEST) changed.reset(3 * FINEST, 5 * FINEST);
    }
    expect(found).toEqual([
      [0, 1, false],
      [1, 1, true],
      [2, 1, false],
      [3, 13, false],
    ]);
  });
});

it('runs of two bitmaps may be listed in turn', () => {
  const [first, second] = [
    new DirtyBitmap(64 * FINEST, FINEST),
    new DirtyBitmap(64 * FINEST, FINEST),
  ];
  for (let granule = 0; granule < 64; granule += 8) {
    first.set(granule * FINEST, FINEST);
    second.set((granule + 3) * FINEST, 2 * FINEST);
  }
  const others = second.dirtyExtents();
  for (const { offset, length } of first.dirtyExtents()) {
    expect(length).toBe(FINEST);
    expect(others.next().value).toEqual({
      offset: offset + 3 * FINEST,
      length: 2 * FINEST,
      dirty: true,
    });
  }
  expect(others.next().done).toBe(true);
});
