import { DirtyBitmap } from '@tidemark/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** 32768 bits: a chunk. */
const CHUNK = 32_768;
const GRANULARITY = 512;
const SIZE = 3 * CHUNK * GRANULARITY + 777;

const place = fc.oneof(
  fc.nat(SIZE),
  // Where chunks, words and granules meet.
  fc
    .tuple(fc.nat(3), fc.integer({ min: -70, max: 70 }), fc.integer({ min: -1, max: 1 }))
    .map(([chunk, bit, byte]) => {
      return Math.min(SIZE, Math.max(0, (chunk * CHUNK + bit) * GRANULARITY + byte));
    }),
);
const range = fc.tuple(place, place).map(([a, b]) => [Math.min(a, b), Math.abs(a - b)] as const);

describe('dirty bytes of a range', () => {
  it('are those of its dirty runs', () => {
    const ranges = fc.array(range, { maxLength: 8 });
    fc.assert(
      fc.property(ranges, ranges, (set, asked) => {
        const bitmap = new DirtyBitmap(SIZE, GRANULARITY);
        for (const [offset, length] of set) bitmap.set(offset, length);
        for (const [offset, length] of [...asked, [0, SIZE] as const]) {
          let expected = 0;
          for (const run of bitmap.dirtyExtents(offset, length)) expected += run.length;
          expect(bitmap.dirtyBytesIn(offset, length)).toBe(expected);
        }
      }),
    );
  });

  it('are those of a bitmap that was cleared in part', () => {
    const bitmap = new DirtyBitmap(SIZE, GRANULARITY);
    bitmap.setAll();
    bitmap.reset(CHUNK * GRANULARITY, 3 * GRANULARITY);
    expect(bitmap.dirtyBytesIn(0, SIZE)).toBe(SIZE - 3 * GRANULARITY);
    expect(bitmap.dirtyBytesIn(CHUNK * GRANULARITY - 5, 6)).toBe(5);
  });

  it('have to be within the disk', () => {
    const bitmap = new DirtyBitmap(SIZE, GRANULARITY);
    expect(() => bitmap.dirtyBytesIn(SIZE, 1)).toThrow(
      expect.objectContaining({ code: 'OUT_OF_RANGE' }),
    );
    expect(bitmap.dirtyBytesIn(SIZE, 0)).toBe(0);
  });
});
