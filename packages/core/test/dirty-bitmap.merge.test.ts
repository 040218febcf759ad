// The rules of QEMU's bitmaps, with numbers that its own tools gave.
import { describe, expect, it } from 'vitest';
import { DirtyBitmap } from '../src/dirty-bitmap.ts';
import { codeOf, hexOf } from './support/inspect.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

describe('merging', () => {
  it('rounds outward from fine to coarse', () => {
    const fine = new DirtyBitmap(MIB, 4 * KIB);
    fine.set(68 * KIB, 1);
    fine.set(1020 * KIB, 1);
    const coarse = new DirtyBitmap(MIB, 64 * KIB);
    coarse.merge(fine);
    expect(hexOf(coarse)).toBe('0280000000000000');
  });

  it('sees what is dirty in a granule behind a run that ends where it begins', () => {
    const fine = new DirtyBitmap(MIB, 4 * KIB);
    fine.set(0, 64 * KIB);
    fine.set(68 * KIB, 1);
    const coarse = new DirtyBitmap(MIB, 64 * KIB);
    coarse.merge(fine);
    expect(hexOf(coarse)).toBe('0300000000000000');
  });

  it('covers all of a coarse granule in the fine bitmap', () => {
    const coarse = new DirtyBitmap(MIB, 64 * KIB);
    coarse.set(0, 128 * KIB);
    const fine = new DirtyBitmap(MIB, 4 * KIB);
    fine.merge(coarse);
    expect(hexOf(fine)).toBe(`ffffffff${'00'.repeat(28)}`);
  });

  it('leaves the source as it was, and itself when it is the source', () => {
    const target = new DirtyBitmap(MIB, 4 * KIB);
    target.setAll();
    const source = new DirtyBitmap(MIB, 4 * KIB);
    source.set(0, 1);
    source.merge(source);
    target.merge(source);
    expect([source.count, target.count]).toEqual([1, 256]);
  });

  it('does not share memory with the source afterwards', () => {
    const source = new DirtyBitmap(MIB, 4 * KIB);
    source.set(0, 1);
    const target = new DirtyBitmap(MIB, 4 * KIB);
    target.merge(source);
    target.set(8 * KIB, 1);
    source.set(16 * KIB, 1);
    expect(hexOf(source).slice(0, 2)).toBe('11');
    expect(hexOf(target).slice(0, 2)).toBe('05');
  });

  it('refuses a bitmap of a disk of another size', () => {
    const target = new DirtyBitmap(MIB, 4 * KIB);
    const source = new DirtyBitmap(MIB + 512, 4 * KIB);
    source.setAll();
    expect(codeOf(() => target.merge(source))).toBe('BITMAP_INVALID');
    expect(target.count).toBe(0);
  });
});

describe('resizing', () => {
  it('cleans nothing but whole granules behind a smaller end', () => {
    for (const [granularity, count] of [
      [512, 2000],
      [64 * KIB, 16],
    ] as const) {
      const bitmap = new DirtyBitmap(MIB, granularity);
      bitmap.setAll();
      bitmap.resize(1000 * KIB, { grown: 'clean' });
      expect(bitmap.count).toBe(count);
      bitmap.resize(MIB, { grown: 'clean' });
      expect(bitmap.count).toBe(count);
    }
  });

  it('marks all that is new as dirty, the granule around the old end too', () => {
    const bitmap = new DirtyBitmap(MIB + 512, 64 * KIB);
    bitmap.resize(3 * MIB, { grown: 'dirty' });
    expect(bitmap.nextDirty(0)).toBe(MIB);
    expect(bitmap.nextClean(MIB)).toBe(-1);
  });

  it('marks nothing that was there before when the old end was a granule', () => {
    const bitmap = new DirtyBitmap(MIB, 64 * KIB);
    bitmap.resize(MIB + 1, { grown: 'dirty' });
    expect([...bitmap.dirtyExtents()]).toEqual([{ offset: MIB, length: 1, dirty: true }]);
  });

  it('marks the granule of the old end when the disk grows inside it', () => {
    const bitmap = new DirtyBitmap(MIB + 512, 64 * KIB);
    bitmap.resize(MIB + 1024, { grown: 'dirty' });
    expect([...bitmap.dirtyExtents()]).toEqual([{ offset: MIB, length: 1024, dirty: true }]);
  });

  it('goes to nothing and back', () => {
    const bitmap = new DirtyBitmap(MIB, 512);
    bitmap.setAll();
    bitmap.resize(0, { grown: 'dirty' });
    expect([bitmap.length, bitmap.count, [...bitmap.extents()]]).toEqual([0, 0, []]);
    bitmap.resize(MIB, { grown: 'dirty' });
    expect(bitmap.count).toBe(2048);
  });

  it('changes nothing when the new size is not possible', () => {
    const bitmap = new DirtyBitmap(MIB, 512);
    bitmap.set(0, 1);
    const before = bitmap.clone();
    expect(codeOf(() => bitmap.resize(2 ** 41 + 1, { grown: 'dirty' }))).toBe('BITMAP_TOO_LARGE');
    expect(codeOf(() => bitmap.resize(-1, { grown: 'dirty' }))).toBe('BITMAP_INVALID');
    expect(bitmap.equals(before)).toBe(true);
  });
});
