// The rules of QEMU's bitmaps, with numbers that its own tools gave.
import { describe, expect, it } from 'vitest';
import { DirtyBitmap } from '../src/dirty-bitmap.ts';
import { codeOf, hexOf } from './support/inspect.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

describe('making', () => {
  it.each([
    [-1, 512],
    [1.5, 512],
    [Number.NaN, 512],
    [2 ** 53, 2 * GIB],
    [MIB, 0],
    [MIB, 256],
    [MIB, 513],
    [MIB, 512.000_000_000_000_1],
    [MIB, 4 * GIB],
    [MIB, -512],
    [MIB, Number.NaN],
    [MIB, Number.POSITIVE_INFINITY],
  ])('refuses a disk of %d bytes with %d bytes to a bit', (diskSize, granularity) => {
    expect(codeOf(() => new DirtyBitmap(diskSize, granularity))).toBe('BITMAP_INVALID');
  });

  it('compares by size and granularity as well as by bits', () => {
    const bitmap = new DirtyBitmap(MIB, 4096);
    expect(bitmap.equals(new DirtyBitmap(MIB, 4096))).toBe(true);
    expect(bitmap.equals(new DirtyBitmap(MIB, 8192))).toBe(false);
    expect(bitmap.equals(new DirtyBitmap(MIB - 512, 4096))).toBe(false);
  });
});

describe('marking', () => {
  it('marks each granule that a range touches', () => {
    const bitmap = new DirtyBitmap(10 * KIB, KIB);
    bitmap.set(KIB - 1, 2);
    bitmap.set(5 * KIB, KIB);
    expect(hexOf(bitmap)).toBe('2300000000000000');
  });

  it('marks nothing for a range of no length, wherever it lies', () => {
    const bitmap = new DirtyBitmap(10 * KIB, KIB);
    bitmap.set(0, 0);
    bitmap.set(1, 0);
    bitmap.set(10 * KIB, 0);
    expect(bitmap.count).toBe(0);
  });

  it('cleans whole granules, the short last one too', () => {
    const bitmap = new DirtyBitmap(10 * KIB + 1, KIB);
    bitmap.setAll();
    bitmap.reset(KIB, 2 * KIB);
    bitmap.reset(10 * KIB, 1);
    bitmap.reset(5, 0);
    expect(hexOf(bitmap)).toBe('f903000000000000');
  });

  it('counts dirty bytes by granules, even beyond the end of the disk', () => {
    const bitmap = new DirtyBitmap(1_049_088, 64 * KIB);
    bitmap.setAll();
    expect(bitmap.dirtyBytes).toBe(1_114_112);
  });

  it.each([
    [-1, 1],
    [0, -1],
    [0.5, 1],
    [0, 0.5],
    [Number.NaN, 1],
    [0, Number.NaN],
    [0, 10 * KIB + 1],
    [10 * KIB, 1],
    [10 * KIB + 1, 0],
    [1, 2 ** 53],
    [2 ** 53, 0],
    [0, Number.POSITIVE_INFINITY],
  ])('refuses a range that is not on the disk: %d, %d', (offset, length) => {
    const bitmap = new DirtyBitmap(10 * KIB, KIB);
    expect(codeOf(() => bitmap.set(offset, length))).toBe('OUT_OF_RANGE');
    expect(codeOf(() => bitmap.reset(offset, length))).toBe('OUT_OF_RANGE');
    expect(codeOf(() => [...bitmap.extents(offset, length)])).toBe('OUT_OF_RANGE');
    expect(codeOf(() => [...bitmap.dirtyExtents(offset, length)])).toBe('OUT_OF_RANGE');
    expect(bitmap.count).toBe(0);
  });

  it.each([-1, 0.5, Number.NaN, 10 * KIB])('refuses to test byte %d', (offset) => {
    const bitmap = new DirtyBitmap(10 * KIB, KIB);
    expect(codeOf(() => bitmap.isDirty(offset))).toBe('OUT_OF_RANGE');
  });

  it.each([
    [1, KIB],
    [0, 1],
    [0, KIB - 1],
    [512, 10 * KIB - 512],
  ])('refuses to clean a part of a granule: %d, %d', (offset, length) => {
    const bitmap = new DirtyBitmap(10 * KIB, KIB);
    bitmap.setAll();
    expect(() => bitmap.reset(offset, length)).toThrow(RangeError);
    expect(bitmap.count).toBe(10);
  });
});

describe('searching', () => {
  it('starts from the byte that was asked for, not from its granule', () => {
    const bitmap = new DirtyBitmap(10 * KIB, KIB);
    bitmap.set(2 * KIB, 3 * KIB);
    expect(bitmap.nextDirty(0)).toBe(2 * KIB);
    expect(bitmap.nextDirty(2 * KIB + 7)).toBe(2 * KIB + 7);
    expect(bitmap.nextClean(2 * KIB)).toBe(5 * KIB);
    expect(bitmap.nextDirty(5 * KIB)).toBe(-1);
    expect(bitmap.nextDirty(0, 2 * KIB)).toBe(-1);
    expect(bitmap.nextDirty(0, 2 * KIB + 1)).toBe(2 * KIB);
  });

  it('finds nothing at the end of the disk and behind it', () => {
    const bitmap = new DirtyBitmap(10 * KIB, KIB);
    for (const offset of [10 * KIB, 11 * KIB, 2 ** 53 - 1]) {
      expect(bitmap.nextDirty(offset)).toBe(-1);
      expect(bitmap.nextClean(offset)).toBe(-1);
    }
    expect(bitmap.nextClean(0, Number.POSITIVE_INFINITY)).toBe(0);
  });

  it.each([
    [-1, 10],
    [Number.NaN, 10],
    [0.5, 10],
    [0, Number.NaN],
    [0, -1],
  ])('does not answer what is no question: %d, %d', (offset, end) => {
    const bitmap = new DirtyBitmap(10 * KIB, KIB);
    expect(() => bitmap.nextDirty(offset, end)).toThrow(RangeError);
    expect(() => bitmap.nextClean(offset, end)).toThrow(RangeError);
  });

  it('shows what is marked during a search in what is still to come', () => {
    const bitmap = new DirtyBitmap(10 * KIB, KIB);
    bitmap.set(0, 1);
    const found: number[] = [];
    for (const { offset } of bitmap.dirtyExtents()) {
      found.push(offset);
      if (offset === 0) bitmap.set(5 * KIB, 1);
    }
    expect(found).toEqual([0, 5 * KIB]);
  });
});
