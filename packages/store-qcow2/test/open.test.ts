import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { createQcow2, openQcow2, type Qcow2Image } from '@tidemark/qcow2';
import { describe, expect, it } from 'vitest';
import { openQcow2Store } from '../src/index.ts';

const SIZE = 65_536;
const a = {
  op: 'create',
  name: 'a',
  enabled: true,
  content: new DirtyBitmap(SIZE, 512),
} as const;

async function newImage(device = new MemoryDevice({ size: 0 })): Promise<Qcow2Image> {
  await createQcow2(device, { size: SIZE, clusterSize: 512 });
  return openQcow2(device, { writable: true });
}

describe('openQcow2Store', () => {
  it('is for the disk in the image, and goes by its name', async () => {
    const image = await newImage();
    await using store = await openQcow2Store(image);
    expect(store).toMatchObject({ label: image.label, diskSize: SIZE, writable: true });
  });

  it('leaves the image open when it is closed', async () => {
    const image = await newImage();
    const store = await openQcow2Store(image);
    await store.commit([a]);
    await store.close();
    await image.write(new Uint8Array([1]), 0);
    const found = new Uint8Array(1);
    await image.read(found, 0);
    expect(found).toEqual(new Uint8Array([1]));
  });

  it('can be for reading where the image is for writing, and not the other way round', async () => {
    const device = new MemoryDevice({ size: 0 });
    const reader = await openQcow2Store(await newImage(device), { writable: false });
    await expect(reader.commit([a])).rejects.toMatchObject({ code: 'STORE_READ_ONLY' });
    const image = await openQcow2(device, { writable: false });
    expect(await openQcow2Store(image)).toMatchObject({ writable: false });
    await expect(openQcow2Store(image, { writable: true })).rejects.toMatchObject({
      code: 'DEVICE_READ_ONLY',
    });
  });

  it('keeps guest data as they are, and data keep bitmaps as they are', async () => {
    const device = new MemoryDevice({ size: 0 });
    const image = await newImage(device);
    const store = await openQcow2Store(image);
    const data = Uint8Array.from({ length: SIZE }, (_, index) => index % 251);
    const content = new DirtyBitmap(SIZE, 512);
    content.set(512, 1);
    await Promise.all([
      image.write(data, 0),
      store.commit([{ ...a, content }]),
      image.writeZeroes(512, 512),
    ]);
    await store.close();
    await image.flush();
    const again = await openQcow2(device, { writable: false });
    const found = new Uint8Array(SIZE);
    await again.read(found, 0);
    expect(found.subarray(1024)).toEqual(data.subarray(1024));
    const bitmap = await (await openQcow2Store(again)).load('a');
    expect([...bitmap.dirtyExtents()]).toEqual([{ offset: 512, length: 512, dirty: true }]);
  });

  it('tells of bitmaps that a program which knows none has left behind', async () => {
    const device = new MemoryDevice({ size: 0 });
    const image = await newImage(device);
    await (await openQcow2Store(image)).commit([a]);
    // qcow2.rst: whoever does not know an autoclear feature clears its bit.
    await device.write(new Uint8Array(8), 88);
    const notices: string[] = [];
    const onNotice = (message: string) => void notices.push(message);
    const store = await openQcow2Store(await openQcow2(device, { writable: false }), { onNotice });
    expect(await store.list()).toEqual([]);
    expect(notices).toEqual([expect.stringContaining('bitmaps are ignored')]);
  });

  it('notices what a second store on the image has changed', async () => {
    const image = await newImage();
    const [first, second] = [await openQcow2Store(image), await openQcow2Store(image)];
    await first.commit([a]);
    await expect(second.commit([{ ...a, name: 'b' }])).rejects.toMatchObject({
      code: 'STORE_FAILED',
    });
    expect(await (await openQcow2Store(image)).list()).toMatchObject([{ name: 'a' }]);
  });
});
