// The rules of QEMU's bitmaps, with numbers that its own tools gave.
import { describe, expect, it } from 'vitest';
import { DirtyBitmap } from '../src/dirty-bitmap.ts';
import { hexOf } from './support/inspect.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

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
    expect(hexOf(ones)).toBe('ffff000000000000');
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

  it('drops them too where the bytes fill a chunk that the disk does not', () => {
    const bitmap = new DirtyBitmap(32_700 * 512, 512);
    for (const [byte, count] of [
      [0xff, 32_700],
      [0x00, 0],
      [0x01, 4088],
    ] as const) {
      bitmap.deserialize(new Uint8Array(65_536).fill(byte));
      expect(bitmap.count).toBe(count);
      bitmap.resize(33_000 * 512, { grown: 'clean' });
      expect(bitmap.count).toBe(count);
      bitmap.resize(32_700 * 512, { grown: 'clean' });
    }
  });

  it.each([0, 1, 4])('takes whole chunks from wherever they lie (%i)', (at) => {
    const bits = 8 * 4096;
    for (const value of [0, 0xff]) {
      const bytes = new Uint8Array(2 * 4096 + at).fill(value).subarray(at);
      // One bit differs, at the end of the second chunk.
      bytes[2 * 4096 - 1] = value ^ 0x80;
      const bitmap = new DirtyBitmap(2 * bits * 512, 512);
      bitmap.deserialize(bytes);
      expect(bitmap.count).toBe(value === 0 ? 1 : 2 * bits - 1);
      expect(bitmap.isDirty((2 * bits - 1) * 512)).toBe(value === 0);
    }
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
