import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { TidemarkDisk } from '@tidemark/xo-disk';
import { describe, expect, it, vi } from 'vitest';

const BLOCK = 65_536;
/** Three whole blocks and a bit of a fourth. */
const SIZE = 3 * BLOCK + 512;

async function device(size = SIZE): Promise<MemoryDevice> {
  const disk = new MemoryDevice({ size });
  await disk.write(Buffer.alloc(100, 1), BLOCK);
  await disk.write(Buffer.alloc(size - 3 * BLOCK, 3), 3 * BLOCK);
  return disk;
}

function bits(size: number, ...offsets: readonly number[]): DirtyBitmap {
  const bitmap = new DirtyBitmap(size, 512);
  for (const offset of offsets) bitmap.set(offset, 1);
  return bitmap;
}

describe('a full disk', () => {
  it('has the blocks that are not known to be zeros', async () => {
    const disk = new TidemarkDisk({ device: await device() });
    await disk.init();
    expect(disk.isDifferencing()).toBe(false);
    expect(disk.getVirtualSize()).toBe(SIZE);
    expect(disk.getBlockSize()).toBe(BLOCK);
    expect(disk.getBlockIndexes()).toEqual([1, 3]);
    expect(disk.getBlockIndexesCount()).toBe(2);
    expect([-1, 0, 1, 2, 3, 4].filter((index) => disk.hasBlock(index))).toEqual([1, 3]);
  });

  it('has zeros behind its end, so that all blocks are of one length', async () => {
    const disk = new TidemarkDisk({ device: await device() });
    await disk.init();
    const { index, data } = await disk.readBlock(3);
    expect(index).toBe(3);
    expect(data.equals(Buffer.concat([Buffer.alloc(512, 3)], BLOCK))).toBe(true);
  });

  it('refuses to read blocks that it does not have', async () => {
    const disk = new TidemarkDisk({ device: await device() });
    await disk.init();
    await expect(disk.readBlock(0)).rejects.toMatchObject({ code: 'OUT_OF_RANGE' });
    await expect(disk.readBlock(4)).rejects.toMatchObject({ code: 'OUT_OF_RANGE' });
  });

  it('has what a backing chain shows: not allocated is not zero', async () => {
    const top = {
      label: 'overlay',
      size: SIZE,
      read: async () => {},
      async *extents() {
        yield { offset: 0, length: BLOCK, zero: false, allocated: false };
        yield { offset: BLOCK, length: SIZE - BLOCK, zero: true, allocated: true };
      },
    };
    const disk = new TidemarkDisk({ device: top });
    await disk.init();
    expect(disk.getBlockIndexes()).toEqual([0]);
  });

  it('refuses blocks of an impossible size', async () => {
    const over = { device: await device(), blockSize: 65_000 };
    expect(() => new TidemarkDisk(over)).toThrow(
      expect.objectContaining({ code: 'BITMAP_INVALID' }),
    );
  });
});

describe('a differencing disk', () => {
  it('has what the bitmap calls dirty and no more, zeros too', async () => {
    const changes = () => bits(SIZE, BLOCK - 1, SIZE - 1);
    const disk = new TidemarkDisk({ device: await device(), changes });
    await disk.init();
    expect(disk.isDifferencing()).toBe(true);
    expect(disk.getBlockIndexes()).toEqual([0, 3]);
    const { data } = await disk.readBlock(0);
    expect(data.equals(Buffer.alloc(BLOCK))).toBe(true);
  });

  it('is not opened by a bitmap of another size', async () => {
    const smaller = new TidemarkDisk({ device: await device(), changes: () => bits(SIZE - 512) });
    await expect(smaller.init()).rejects.toMatchObject({ code: 'BITMAP_INVALID' });
    expect(() => smaller.hasBlock(0)).toThrow('init was not called');
  });

  it('opens its parent, made once', async () => {
    const parent = vi.fn<() => TidemarkDisk>(() => new TidemarkDisk({ device: old }));
    const old = await device();
    const disk = new TidemarkDisk({ device: await device(), changes: () => bits(SIZE), parent });
    await disk.init();
    const opened = await disk.openParent();
    expect(opened.getBlockIndexes()).toEqual([1, 3]);
    expect(await disk.openParent()).toBe(opened);
    expect(parent).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['has blocks of another size', SIZE, 2 * BLOCK],
    ['is larger', SIZE + 512, BLOCK],
  ])('refuses a parent that %s', async (_, size, blockSize) => {
    const onClose = vi.fn<() => void>();
    const old = await device(size);
    const parent = () => new TidemarkDisk({ device: old, blockSize, onClose });
    const disk = new TidemarkDisk({ device: await device(), changes: () => bits(SIZE), parent });
    await disk.init();
    await expect(disk.openParent()).rejects.toMatchObject({ code: 'BACKUP_PARENT_MISMATCH' });
    expect(onClose).toHaveBeenCalledTimes(1);
  });

  it('says where it has no parent', async () => {
    const disk = new TidemarkDisk({ device: await device(), changes: () => bits(SIZE) });
    await disk.init();
    await expect(disk.openParent()).rejects.toThrow('has no parent');
  });
});

describe('closing a disk', () => {
  it('happens once, at the end of its blocks, and is for good', async () => {
    const onClose = vi.fn<() => void>();
    const disk = new TidemarkDisk({ device: await device(), onClose });
    await disk.init();
    await disk.init();
    const indexes: number[] = [];
    for await (const { index } of disk.diskBlocks()) indexes.push(index);
    expect(indexes).toEqual([1, 3]);
    await disk.close();
    expect(onClose).toHaveBeenCalledTimes(1);
    await expect(disk.init()).rejects.toMatchObject({ code: 'DEVICE_CLOSED' });
    await expect(disk.readBlock(1)).rejects.toMatchObject({ code: 'DEVICE_CLOSED' });
  });
});
