// The rules of QEMU's bitmaps, with numbers that its own tools gave.
import { describe, expect, it } from 'vitest';
import { DirtyBitmap } from '../src/dirty-bitmap.ts';
import { isTidemarkError } from '../src/errors.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

function bytesOf(bitmap: DirtyBitmap): string {
  const bytes = new Uint8Array(bitmap.serializedLength);
  bitmap.serialize(bytes);
  return Buffer.from(bytes).toString('hex');
}

function codeOf(call: () => unknown): string {
  try {
    call();
    return 'not refused';
  } catch (error) {
    return isTidemarkError(error) ? error.code : String(error).split(':')[0]!;
  }
}

describe('marking', () => {
  it('marks each granule that a range touches', () => {
    const bitmap = new DirtyBitmap(10 * KIB, KIB);
    bitmap.set(KIB - 1, 2);
    bitmap.set(5 * KIB, KIB);
    expect(bytesOf(bitmap)).toBe('2300000000000000');
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
    expect(bytesOf(bitmap)).toBe('f903000000000000');
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

describe('merging', () => {
  it('rounds outward from fine to coarse', () => {
    const fine = new DirtyBitmap(MIB, 4 * KIB);
    fine.set(68 * KIB, 1);
    fine.set(1020 * KIB, 1);
    const coarse = new DirtyBitmap(MIB, 64 * KIB);
    coarse.merge(fine);
    expect(bytesOf(coarse)).toBe('0280000000000000');
  });

  it('covers all of a coarse granule in the fine bitmap', () => {
    const coarse = new DirtyBitmap(MIB, 64 * KIB);
    coarse.set(0, 128 * KIB);
    const fine = new DirtyBitmap(MIB, 4 * KIB);
    fine.merge(coarse);
    expect(bytesOf(fine)).toBe(`ffffffff${'00'.repeat(28)}`);
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
    expect([source.count, target.count]).toEqual([1, 2]);
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

describe('sha256', () => {
  const alpha = new DirtyBitmap(MIB, 4 * KIB);
  alpha.set(0, 4 * KIB);
  alpha.set(80 * KIB, 12 * KIB);
  alpha.set(1020 * KIB, KIB);
  const sixteen = new DirtyBitmap(16 * 512, 512);
  sixteen.setAll();

  it.each([
    ['64 clear bits', new DirtyBitmap(64 * 512, 512), 'af5570f5a1810b7af78caf4bc70a660f'],
    ['no bits', new DirtyBitmap(0, 512), 'af5570f5a1810b7af78caf4bc70a660f'],
    ['256 clear bits', new DirtyBitmap(MIB, 4 * KIB), '66687aadf862bd776c8fc18b8e9f8e20'],
    ['a bitmap that QEMU recorded', alpha, '37f043c96e295f4cb497c11390ef3a40'],
  ])('of %s is what QEMU says', (_, bitmap, beginning) => {
    expect(bitmap.sha256().slice(0, 32)).toBe(beginning);
  });

  it('takes no notice of what QEMU leaves behind the last bit', () => {
    const ones = new DirtyBitmap(16 * 512, 512);
    ones.deserialize(new Uint8Array(8).fill(0xff));
    expect(ones.sha256()).toBe(sixteen.sha256());
    expect(bytesOf(ones)).toBe('ffff000000000000');
  });
});

describe('serialising', () => {
  it.each([
    [0, 8],
    [1, 8],
    [64, 8],
    [65, 16],
    [2048, 256],
  ])('takes whole words for %d bits: %d bytes', (bits, bytes) => {
    expect(new DirtyBitmap(bits * 512, 512).serializedLength).toBe(bytes);
  });

  it('drops bits behind the end, also where the disk grows later', () => {
    const bitmap = new DirtyBitmap(3 * 512, 512);
    bitmap.deserialize(new Uint8Array(64).fill(0xff));
    expect(bitmap.count).toBe(3);
    bitmap.resize(100 * 512, { grown: 'clean' });
    expect([bitmap.count, bitmap.nextDirty(3 * 512)]).toEqual([3, -1]);
  });

  it('refuses places that are no number', () => {
    const bitmap = new DirtyBitmap(MIB, 512);
    for (const at of [-1, 0.5, Number.NaN]) {
      expect(() => bitmap.serialize(new Uint8Array(8), at)).toThrow(RangeError);
      expect(() => bitmap.deserialize(new Uint8Array(8), at)).toThrow(RangeError);
      expect(() => bitmap.contentOf(at, 8)).toThrow(RangeError);
      expect(() => bitmap.fill(at, 8, true)).toThrow(RangeError);
    }
  });
});
