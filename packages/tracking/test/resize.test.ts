import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { TrackedDevice, WriteRecorder } from '../src/index.ts';
import { diskWith, openDrive, SIZE } from './support/drives.ts';
import { dirtyOf } from './support/faulty-disk.ts';
import { GatedDevice, settle } from './support/gated-device.ts';

describe('resize of a tracked drive', () => {
  it('is refused while the drive has stores, whose bitmaps are made for its size', async () => {
    for (const bitmaps of [{}, { a: {} }]) {
      const device = new MemoryDevice({ size: SIZE });
      const drive = await openDrive({ device, disks: [await diskWith(bitmaps)] });
      const refused = { code: 'DEVICE_UNSUPPORTED' };
      await expect(drive.device.resize(SIZE * 2)).rejects.toMatchObject(refused);
      await expect(drive.device.resize(4096)).rejects.toMatchObject(refused);
      expect(device.size).toBe(SIZE);
    }
  });

  it('is possible where there are none', async () => {
    const drive = await openDrive({});
    await drive.device.resize(SIZE * 2);
    expect(drive.device.size).toBe(SIZE * 2);
  });
});

describe('resize of a tracked device', () => {
  function tracked(): { device: GatedDevice; bitmap: DirtyBitmap; top: TrackedDevice } {
    const device = new GatedDevice(SIZE);
    const recorder = new WriteRecorder();
    const bitmap = new DirtyBitmap(SIZE, 4096);
    recorder.attach(bitmap);
    return { device, bitmap, top: new TrackedDevice(device, { recorder }) };
  }

  it('marks what a grow adds', async () => {
    const { device, bitmap, top } = tracked();
    device.isOpen = true;
    await top.resize(SIZE + 4096);
    expect(dirtyOf(bitmap)).toEqual([SIZE]);
  });

  it('marks what is added behind a shrink, whose bytes are no longer the same', async () => {
    const { device, bitmap, top } = tracked();
    device.isOpen = true;
    await top.resize(4096 + 512);
    await top.resize(3 * 4096);
    expect(dirtyOf(bitmap)).toEqual([4096, 8192]);
  });

  it('waits for writes under way and holds back new ones', async () => {
    const { device, bitmap, top } = tracked();
    const first = top.write(new Uint8Array(1), 0);
    const resized = top.resize(SIZE * 2);
    const second = top.write(new Uint8Array(1), SIZE);
    await settle();
    expect(device.waiting).toBe(1);
    await device.pass();
    await first;
    expect(device.waiting).toBe(1);
    await device.pass();
    await resized;
    expect(device.waiting).toBe(1);
    await device.pass();
    await second;
    expect(bitmap.isDirty(SIZE)).toBe(true);
  });

  it('cuts bitmaps back when the device does not grow', async () => {
    const { device, bitmap, top } = tracked();
    const growing = top.resize(SIZE * 2).catch((error: unknown) => error);
    await settle();
    const error = new Error('no space');
    await device.fail(error);
    expect(await growing).toBe(error);
    expect(bitmap.diskSize).toBe(SIZE);
    device.isOpen = true;
    await top.write(new Uint8Array(1), 0);
    expect(dirtyOf(bitmap)).toEqual([0]);
  });
});
