import { describe, expect, it } from 'vitest';
import { openQcow2 } from '../src/index.ts';
import { newDataFileImage, rangesOf, zerosOf } from './support/data-files.ts';
import { TestDevice } from './support/test-device.ts';

const CLUSTER = 512;
/** Two and a half L2 tables of 64 entries. */
const SIZE = 160 * CLUSTER;
const HIGH = 0x8000_0000;

async function make(): Promise<{ device: TestDevice; view: DataView; l1: number; l2: number }> {
  const device = new TestDevice();
  await newDataFileImage(device, { size: SIZE, name: 'drive.raw', clusterSize: CLUSTER });
  const view = new DataView(device.bytes.buffer);
  const l1 = Number(view.getBigUint64(40));
  return { device, view, l1, l2: l1 + CLUSTER };
}

const open = (device: TestDevice, writable = false) =>
  openQcow2(device, { writable, allowDataFile: true });

describe('an image whose data is a raw file', () => {
  it('is refused where nobody asks for such images', async () => {
    const { device } = await make();
    await expect(openQcow2(device)).rejects.toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
      message: expect.stringContaining('external data file'),
    });
  });

  it('gives no content, and takes none', async () => {
    const { device } = await make();
    const before = device.bytes.slice();
    const image = await open(device, true);
    const bytes = new Uint8Array(10);
    for (const attempt of [
      image.read(bytes, 0),
      image.write(bytes, 0),
      image.writeZeroes(0, 10),
      image.discard(0, 10),
      image.resize(2 * SIZE),
    ]) {
      await expect(attempt).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED' });
    }
    expect(() => image.extents(0, 10)).toThrow('data file');
    expect(device.bytes).toEqual(before);
  });

  it('is refused where nothing promises that the file is raw', async () => {
    const { device, view } = await make();
    view.setBigUint64(88, 0n);
    await expect(open(device)).rejects.toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
      message: 'the data file of the image is not promised to be raw',
    });
  });

  it('is refused when a part of the disk has no table: QEMU would wipe it', async () => {
    const { device, view, l1 } = await make();
    for (const entry of [0, 1, 2]) {
      const before = view.getBigUint64(l1 + entry * 8);
      view.setBigUint64(l1 + entry * 8, 0n);
      await expect(zerosOf(device)).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
      view.setBigUint64(l1 + entry * 8, before);
    }
    expect(await zerosOf(device)).toEqual([]);
  });

  it.each([
    ['another cluster', HIGH, 3 * CLUSTER],
    ['a cluster that is not its own alone', 0, 5 * CLUSTER],
    ['a compressed cluster', 0x4000_0000, 5 * CLUSTER],
    ['reserved bits', HIGH | 0x100_0000, 5 * CLUSTER],
    ['no cluster', HIGH, 5 * CLUSTER + 8],
  ])('is refused when an entry points to %s', async (_, high, low) => {
    const { device, view, l2 } = await make();
    view.setUint32(l2 + 5 * 8, high);
    view.setUint32(l2 + 5 * 8 + 4, low);
    await expect(zerosOf(device)).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
  });

  it('is refused when two parts of the disk have one table', async () => {
    const { device, view, l1 } = await make();
    view.setBigUint64(l1 + 8, view.getBigUint64(l1));
    await expect(zerosOf(device)).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
  });

  it('tells what its map calls zeros, across tables, and maps it again', async () => {
    const { device, view, l2 } = await make();
    view.setBigUint64(l2 + 62 * 8, 0n);
    view.setBigUint64(l2 + 63 * 8, 1n);
    view.setBigUint64(l2 + 64 * 8, BigInt(HIGH) * 2n ** 32n + BigInt(64 * CLUSTER + 1));
    view.setBigUint64(l2 + 159 * 8, 1n);
    const image = await open(device, true);
    expect(await rangesOf(image.dataMap!)).toEqual([
      { offset: 62 * CLUSTER, length: 3 * CLUSTER },
      { offset: 159 * CLUSTER, length: CLUSTER },
    ]);
    await image.dataMap!.relink();
    await image.close();
    const pristine = await make();
    expect(device.bytes).toEqual(pristine.device.bytes);
  });

  it.each(['', 'a\0b', 'x'.repeat(5000)])('does not take %j for a name', async (name) => {
    const options = { size: SIZE, name, clusterSize: 64 * 1024 };
    const made = newDataFileImage(new TestDevice(), options);
    await expect(made).rejects.toMatchObject({ code: 'OUT_OF_RANGE' });
  });

  it('takes no name that its first cluster has no room for', async () => {
    const options = { size: SIZE, name: 'x'.repeat(400), clusterSize: CLUSTER };
    const made = newDataFileImage(new TestDevice(), options);
    await expect(made).rejects.toMatchObject({ code: 'OUT_OF_RANGE' });
  });
});
