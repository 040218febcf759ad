import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { openQcow2 } from '@tidemark/qcow2';
import { describe, expect, it } from 'vitest';
import { createSidecar, defaultSidecarPath, openSidecarStore } from '../src/index.ts';
import { shared } from './support/shared.ts';

async function newSidecar(diskSize: number): Promise<MemoryDevice> {
  const sidecar = new MemoryDevice({ size: 0, label: 'file' });
  await createSidecar(sidecar, { diskSize });
  return sidecar;
}

async function bytesOf(device: MemoryDevice): Promise<Uint8Array> {
  const bytes = new Uint8Array(device.size);
  await device.read(bytes, 0);
  return bytes;
}

const drive = (size: number) => ({ label: 'raw drive', size });

describe('openSidecarStore', () => {
  it.each([1, 512, 1000, 65_536, 2 ** 40 + 7])(
    'is for a drive of %i bytes exactly',
    async (size) => {
      const sidecar = await newSidecar(size);
      await using store = await openSidecarStore({ drive: drive(size), sidecar });
      expect(store).toMatchObject({ diskSize: size, writable: true, label: 'sidecar in file' });
      const content = new DirtyBitmap(size, 65_536);
      content.set(size - 1, 1);
      await store.commit([{ op: 'create', name: 'a', enabled: true, content }]);
      expect((await store.load('a')).equals(content)).toBe(true);
    },
  );

  it.each([
    [65_536, 65_536 + 512],
    [65_536, 65_536 - 512],
    [65_536, 65_537],
    [1000, 512],
    [65_536, 0],
  ])(
    'refuses the sidecar of %i bytes for a drive of %i, and does not touch it',
    async (of, size) => {
      const sidecar = await newSidecar(of);
      const before = await bytesOf(sidecar);
      const opening = openSidecarStore({ drive: drive(size), sidecar, sidecarPath: '/vm/a' });
      await expect(opening).rejects.toMatchObject({
        code: 'SIDECAR_MISMATCH',
        message: expect.stringContaining("sidecar '/vm/a'"),
      });
      expect(await bytesOf(sidecar)).toEqual(before);
      // It is still the caller's, and open.
      await sidecar.flush();
    },
  );

  it('refuses what is no qcow2 image, and does not touch it', async () => {
    const sidecar = new MemoryDevice({ size: 65_536 });
    await sidecar.write(new Uint8Array(65_536).fill(7), 0);
    const before = await bytesOf(sidecar);
    const opening = openSidecarStore({ drive: drive(65_536), sidecar });
    await expect(opening).rejects.toMatchObject({ code: 'IMAGE_UNRECOGNIZED' });
    expect(await bytesOf(sidecar)).toEqual(before);
  });

  it('closes the device of the sidecar when it is closed', async () => {
    const sidecar = await newSidecar(512);
    const store = await openSidecarStore({ drive: drive(512), sidecar });
    await store.close();
    await expect(sidecar.flush()).rejects.toMatchObject({ code: 'DEVICE_CLOSED' });
  });

  it('can be for reading, and changes nothing then', async () => {
    const sidecar = await newSidecar(512);
    const before = await bytesOf(sidecar);
    const store = await openSidecarStore({
      drive: drive(512),
      sidecar: shared(sidecar),
      writable: false,
    });
    await expect(store.acquire(['a'])).rejects.toMatchObject({ code: 'STORE_READ_ONLY' });
    await store.close();
    expect(await bytesOf(sidecar)).toEqual(before);
  });
});

describe('createSidecar', () => {
  it('makes an image of the size of the drive, rounded up to sectors, with no data', async () => {
    const image = await openQcow2(await newSidecar(1000), { writable: false });
    expect(image.size).toBe(1024);
    for await (const extent of image.extents(0, 1024)) expect(extent.allocated).toBe(false);
  });

  it('leaves nothing of what the device held', async () => {
    const sidecar = await newSidecar(512);
    const first = await openSidecarStore({ drive: drive(512), sidecar: shared(sidecar) });
    const content = new DirtyBitmap(512, 512);
    await first.commit([{ op: 'create', name: 'a', enabled: true, content }]);
    await createSidecar(sidecar, { diskSize: 512 });
    const store = await openSidecarStore({ drive: drive(512), sidecar });
    expect(await store.list()).toEqual([]);
  });
});

it('looks for a sidecar beside the drive', () => {
  expect(defaultSidecarPath('/vm/a.raw')).toBe('/vm/a.raw.tidemark.qcow2');
});
