import { describe, expect, it } from 'vitest';
import { bitmapOf, newBitmaps, openBitmaps, put } from './support/bitmaps.ts';

const KIB = 1024;
/** 40 clusters of bits, and 64 bits in one cluster more, at 512 bytes to a bit. */
const SIZE = 40 * 8 * 512 * 512 + 64 * 512;

async function tableOf({ image, directory }: Awaited<ReturnType<typeof newBitmaps>>) {
  const { tableOffset, tableSize } = directory.records[0]!;
  const bytes = new Uint8Array(tableSize * 8);
  await image.metadata.readHost(bytes, tableOffset);
  const view = new DataView(bytes.buffer);
  return Array.from({ length: tableSize }, (_, i) => Number(view.getBigUint64(i * 8)));
}

describe('a bitmap on disk', () => {
  it('takes no cluster where all bits are set, and has zeros behind its last bit', async () => {
    const opened = await newBitmaps({ size: SIZE, clusterSize: 512 });
    await put(opened, 'full', bitmapOf(SIZE, { granularity: 512, dirty: [[0, SIZE]] }));
    const table = await tableOf(opened);
    expect(table.slice(0, 40)).toEqual(Array.from({ length: 40 }, () => 1));
    const last = new Uint8Array(512);
    await opened.image.metadata.readHost(last, table[40]!);
    expect(last).toEqual(new Uint8Array(512).fill(0xff, 0, 8));
    expect((await opened.directory.readContent('full')).count).toBe(SIZE / 512);
  });

  it('takes no cluster where no bit is set', async () => {
    const opened = await newBitmaps({ size: SIZE, clusterSize: 512 });
    const dirty = [[8 * 512 * 512, 1]] as const;
    await put(opened, 'one', bitmapOf(SIZE, { granularity: 512, dirty }));
    const table = await tableOf(opened);
    expect(table.map((entry) => entry > 1)).toEqual(table.map((_, i) => i === 1));
    const again = await openBitmaps(opened.device.bytes, { writable: false });
    again.device.reads = 0;
    expect((await again.directory.readContent('one')).count).toBe(1);
    // The table and one cluster.
    expect(again.device.reads).toBe(2);
  });

  it('is not kept in an image of version 2, nor of a disk without bytes', async () => {
    const old = await newBitmaps({ size: 64 * KIB, version: 2 });
    const add = put(old, 'a', bitmapOf(64 * KIB));
    await expect(add).rejects.toMatchObject({ code: 'BITMAP_UNSUPPORTED' });
    const empty = await newBitmaps({ size: 0 });
    await expect(put(empty, 'a', bitmapOf(0))).rejects.toMatchObject({ code: 'BITMAP_INVALID' });
  });

  it('is refused a name that QEMU would not take', async () => {
    const opened = await newBitmaps({ size: 64 * KIB });
    for (const name of ['', 'a\0b', 'x'.repeat(1024), '\ud800']) {
      const add = put(opened, name, bitmapOf(64 * KIB));
      await expect(add).rejects.toMatchObject({ code: 'BITMAP_INVALID' });
    }
    expect(opened.directory.records).toEqual([]);
  });

  it('changes its flags without its bits being written', async () => {
    const opened = await newBitmaps({ size: SIZE, clusterSize: 512 });
    const dirty = [[0, SIZE / 2]] as const;
    await put(opened, 'a', bitmapOf(SIZE, { granularity: 512, dirty }));
    const [before] = opened.directory.records;
    await opened.directory.replace([{ ...before!, enabled: false, inUse: true }], new Map());
    const again = await openBitmaps(opened.device.bytes, { writable: false });
    const { tableOffset } = before!;
    expect(again.directory.records).toMatchObject([{ enabled: false, inUse: true, tableOffset }]);
    const free = opened.directory.replace([{ ...before!, inUse: false }], new Map());
    await expect(free).rejects.toThrow(RangeError);
  });
});
