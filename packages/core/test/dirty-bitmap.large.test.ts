import { describe, expect, it } from 'vitest';
import { CHUNK_BITS, CHUNK_BYTES } from '../src/bitmap/chunk.ts';
import { ChunkedBits } from '../src/bitmap/chunks.ts';
import { DirtyBitmap } from '../src/dirty-bitmap.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const TIB = 1024 ** 4;
const SECTOR = 512;

/** 2^32 bits, which is all that a bitmap holds. */
const LARGEST = 2 * TIB;

describe('bits beyond 2^31', () => {
  it.each([2 ** 31 - 1, 2 ** 31, 2 ** 31 + 33, 2 ** 32 - 32_769, 2 ** 32 - 2, 2 ** 32 - 1])(
    'are set, found and cleaned one by one: %d',
    (bit) => {
      const bitmap = new DirtyBitmap(LARGEST, SECTOR);
      const offset = bit * SECTOR;
      bitmap.set(offset + 1, 1);
      expect(bitmap.count).toBe(1);
      expect(bitmap.isDirty(offset)).toBe(true);
      expect(bitmap.isDirty(offset - 1)).toBe(false);
      expect(bitmap.nextDirty(0)).toBe(offset);
      expect(bitmap.nextClean(offset)).toBe(bit === 2 ** 32 - 1 ? -1 : offset + SECTOR);
      expect([...bitmap.dirtyExtents()]).toEqual([{ offset, length: SECTOR, dirty: true }]);
      bitmap.reset(offset, SECTOR);
      expect([bitmap.count, bitmap.nextDirty(0)]).toEqual([0, -1]);
    },
  );

  it('are set and cleaned in ranges across 2^31', () => {
    const middle = TIB;
    const bitmap = new DirtyBitmap(LARGEST, SECTOR);
    bitmap.set(middle - GIB, 2 * GIB);
    bitmap.reset(middle - SECTOR, 2 * SECTOR);
    expect(bitmap.count).toBe((2 * GIB) / SECTOR - 2);
    expect([...bitmap.dirtyExtents()].map(({ offset, length }) => [offset, length])).toEqual([
      [middle - GIB, GIB - SECTOR],
      [middle + SECTOR, GIB - SECTOR],
    ]);
  });

  it('are one run when all are dirty, and count 2^32', () => {
    const bitmap = new DirtyBitmap(LARGEST, SECTOR);
    bitmap.setAll();
    expect([bitmap.length, bitmap.count]).toEqual([2 ** 32, 2 ** 32]);
    expect(bitmap.dirtyBytes).toBe(LARGEST);
    expect([...bitmap.extents()]).toEqual([{ offset: 0, length: LARGEST, dirty: true }]);
    bitmap.clear();
    expect([...bitmap.extents()]).toEqual([{ offset: 0, length: LARGEST, dirty: false }]);
  });

  it('lie where they belong among the bytes', () => {
    const bitmap = new DirtyBitmap(LARGEST, SECTOR);
    bitmap.set((2 ** 31 + 9) * SECTOR, 1);
    bitmap.set(LARGEST - 1, 1);
    expect(bitmap.serializedLength).toBe(512 * MIB);
    const bytes = new Uint8Array(8);
    bitmap.serialize(bytes, 256 * MIB);
    expect([...bytes]).toEqual([0, 2, 0, 0, 0, 0, 0, 0]);
    bitmap.serialize(bytes, 512 * MIB - 4);
    expect([...bytes]).toEqual([0, 0, 0, 0x80, 0, 0, 0, 0]);
    expect(bitmap.contentOf(256 * MIB, 65_536)).toBe('mixed');
    expect(bitmap.contentOf(256 * MIB + 65_536, 128 * MIB)).toBe('zeros');
    bitmap.fill(384 * MIB, 128 * MIB, true);
    expect(bitmap.contentOf(384 * MIB, 128 * MIB)).toBe('ones');
    expect(bitmap.count).toBe(2 ** 30 + 1);
    bitmap.deserialize(Uint8Array.of(0x81), 512 * MIB - 1);
    expect(bitmap.count).toBe(2 ** 30 - 5);
  });

  it('are merged from finer bits and from coarser ones', () => {
    const fine = new DirtyBitmap(LARGEST, SECTOR);
    fine.set(LARGEST - 1, 1);
    fine.set(TIB, TIB / 2);
    const coarse = new DirtyBitmap(LARGEST, MIB);
    coarse.merge(fine);
    expect(coarse.count).toBe(TIB / 2 / MIB + 1);
    const back = new DirtyBitmap(LARGEST, SECTOR);
    back.merge(coarse);
    expect(back.count).toBe((TIB / 2 + MIB) / SECTOR);
    expect(back.nextDirty(TIB + TIB / 2)).toBe(LARGEST - MIB);
    back.merge(fine);
    expect(back.count).toBe((TIB / 2 + MIB) / SECTOR);
  });

  it('go and come when the disk is resized', () => {
    const bitmap = new DirtyBitmap(TIB, SECTOR);
    bitmap.resize(LARGEST, { grown: 'dirty' });
    expect([bitmap.count, bitmap.nextDirty(0)]).toEqual([2 ** 31, TIB]);
    bitmap.resize(TIB + 1, { grown: 'dirty' });
    expect([bitmap.count, bitmap.length]).toEqual([1, 2 ** 31 + 1]);
  });

  it('end at 2^32', () => {
    expect(() => new DirtyBitmap(LARGEST + 1, SECTOR)).toThrow('more granules of 512 bytes');
    expect(() => new DirtyBitmap(2 ** 53 - 1, MIB)).toThrow('more granules of 1048576 bytes');
  });
});

describe('disks near 2^53 bytes', () => {
  const size = 2 ** 53 - 1;
  const granularity = 2 * GIB;

  it('are marked up to their last byte', () => {
    const bitmap = new DirtyBitmap(size, granularity);
    bitmap.set(size - 1, 1);
    const offset = 2 ** 53 - granularity;
    expect(bitmap.nextDirty(0)).toBe(offset);
    expect([...bitmap.extents()]).toEqual([
      { offset: 0, length: offset, dirty: false },
      { offset, length: granularity - 1, dirty: true },
    ]);
    expect(bitmap.isDirty(offset - 1)).toBe(false);
    bitmap.setAll();
    expect([bitmap.count, bitmap.dirtyBytes]).toEqual([2 ** 22, 2 ** 53]);
    bitmap.reset(offset, granularity - 1);
    expect(bitmap.count).toBe(2 ** 22 - 1);
  });

  it('are merged and resized', () => {
    const fine = new DirtyBitmap(size, 4 * MIB);
    fine.set(size - 1, 1);
    const coarse = new DirtyBitmap(size, granularity);
    coarse.merge(fine);
    expect([...coarse.dirtyExtents()].map(({ offset }) => offset)).toEqual([2 ** 53 - granularity]);
    coarse.clear();
    coarse.resize(size - 1, { grown: 'dirty' });
    coarse.resize(size, { grown: 'dirty' });
    expect(coarse.count).toBe(1);
  });
});

describe('memory', () => {
  it('is not taken by a clean or an all-dirty bitmap of 1 TiB', () => {
    const bitmap = new DirtyBitmap(TIB, SECTOR);
    expect(bitmap.allocatedBytes).toBe(0);
    bitmap.setAll();
    expect([bitmap.count, bitmap.allocatedBytes]).toEqual([2 ** 31, 0]);
    expect(bitmap.clone().allocatedBytes).toBe(0);
    bitmap.clear();
    bitmap.set(0, TIB);
    expect([bitmap.count, bitmap.allocatedBytes]).toEqual([2 ** 31, 0]);
    bitmap.reset(0, TIB);
    bitmap.fill(0, 256 * MIB, true);
    expect([bitmap.count, bitmap.allocatedBytes]).toEqual([2 ** 31, 0]);
    bitmap.reset(TIB / 2, SECTOR);
    expect([bitmap.count, bitmap.allocatedBytes]).toEqual([2 ** 31 - 1, CHUNK_BYTES]);
  });

  it('is not taken by what a resize adds, nor by what a merge makes of whole chunks', () => {
    const bitmap = new DirtyBitmap(GIB, SECTOR);
    bitmap.resize(TIB, { grown: 'dirty' });
    expect([bitmap.count, bitmap.allocatedBytes]).toEqual([2 ** 31 - GIB / SECTOR, 0]);
    const coarse = new DirtyBitmap(TIB, 64 * 1024);
    coarse.merge(bitmap);
    expect([coarse.nextDirty(0), coarse.allocatedBytes]).toEqual([GIB, CHUNK_BYTES]);
  });

  it('is given back as parts become clean or dirty again', () => {
    const bits = new ChunkedBits(10 * CHUNK_BITS);
    expect(bits.allocatedBytes).toBe(0);
    bits.fill(5, 6, 1);
    bits.fill(CHUNK_BITS + 1, 3 * CHUNK_BITS - 1, 1);
    expect(bits.allocatedBytes).toBe(3 * CHUNK_BYTES);
    bits.fill(5, 6, 0);
    bits.fill(CHUNK_BITS, CHUNK_BITS + 1, 1);
    expect(bits.allocatedBytes).toBe(CHUNK_BYTES);
    bits.fill(0, 10 * CHUNK_BITS, 1);
    expect(bits.allocatedBytes).toBe(0);
    bits.fill(CHUNK_BITS, CHUNK_BITS + 1, 0);
    expect([bits.allocatedBytes, bits.count]).toEqual([CHUNK_BYTES, 10 * CHUNK_BITS - 1]);
  });

  it('is not taken by bytes of one value that are taken in, nor by a merge of them', () => {
    const bits = new ChunkedBits(4 * CHUNK_BITS);
    bits.writeBytes(new Uint8Array(2 * CHUNK_BYTES).fill(0xff), CHUNK_BYTES);
    expect([bits.count, bits.allocatedBytes]).toEqual([2 * CHUNK_BITS, 0]);
    const other = new ChunkedBits(4 * CHUNK_BITS);
    other.or(bits);
    expect([other.count, other.allocatedBytes]).toEqual([2 * CHUNK_BITS, 0]);
    for (let at = 0; at < 4 * CHUNK_BYTES; at += 512) {
      bits.writeBytes(new Uint8Array(512).fill(0xff), at);
    }
    expect([bits.count, bits.allocatedBytes]).toEqual([4 * CHUNK_BITS, 0]);
    bits.writeBytes(new Uint8Array(4 * CHUNK_BYTES), 0);
    expect([bits.count, bits.allocatedBytes]).toEqual([0, 0]);
  });

  it('is not shared by chunks that looked alike', () => {
    const bits = new ChunkedBits(3 * CHUNK_BITS);
    bits.fill(0, 3 * CHUNK_BITS, 1);
    bits.fill(7, 8, 0);
    expect([bits.test(7), bits.test(CHUNK_BITS + 7), bits.test(2 * CHUNK_BITS + 7)]).toEqual([
      false,
      true,
      true,
    ]);
    expect([bits.find(0, 8, 0), bits.find(8, 3 * CHUNK_BITS, 1)]).toEqual([7, 8]);
    expect(bits.find(CHUNK_BITS + 5, 2 * CHUNK_BITS, 1)).toBe(CHUNK_BITS + 5);
    expect(new ChunkedBits(CHUNK_BITS).count).toBe(0);
    expect(new ChunkedBits(CHUNK_BITS).find(0, CHUNK_BITS, 1)).toBe(-1);
  });
});
