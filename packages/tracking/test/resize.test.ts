import { MemoryDevice } from '@tidemark/block';
import { FaultDevice } from '@tidemark/block/testing';
import { DirtyBitmap } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { TrackedDevice, WriteRecorder } from '../src/index.ts';
import { bitsOf, diskWith, GRANULE, openDrive, SIZE, touch } from './support/drives.ts';
import { dirtyOf, FaultyDisk } from './support/faulty-disk.ts';
import { GatedDevice, settle } from './support/gated-device.ts';

describe('resize of a tracked drive', () => {
  const added = [SIZE, SIZE + GRANULE];
  const LARGER = SIZE + 2 * GRANULE;

  it('resizes the bitmaps of all stores: what is added counts as written', async () => {
    const disks = [
      await diskWith({ a: { dirty: [0] }, off: { enabled: false, dirty: [4096] } }),
      await diskWith({ b: {} }),
    ];
    const drive = await openDrive({ disks, transient: new FaultyDisk(SIZE) });
    await touch(drive, 8192);
    await drive.device.resize(LARGER);
    expect(drive.device.size).toBe(LARGER);
    await touch(drive, SIZE);
    expect(await bitsOf(drive, 'a')).toEqual([0, 8192, ...added]);
    expect(await bitsOf(drive, 'b')).toEqual([8192, ...added]);
    expect(await bitsOf(drive, 'off')).toEqual([4096, ...added]);
    await drive.close();
    const next = await openDrive({ disks, device: new MemoryDevice({ size: LARGER }) });
    expect(await bitsOf(next, 'a')).toEqual([0, 8192, ...added]);
    expect(await bitsOf(next, 'off')).toEqual([4096, ...added]);
  });

  it('A11: has dirty what was cut off and added again', async () => {
    const disk = await diskWith({ a: {}, off: { enabled: false } });
    const drive = await openDrive({ disks: [disk] });
    await drive.device.resize(SIZE - GRANULE - 512);
    await drive.device.resize(SIZE);
    const cut = [SIZE - 2 * GRANULE, SIZE - GRANULE];
    expect(await bitsOf(drive, 'a')).toEqual(cut);
    expect(await bitsOf(drive, 'off')).toEqual(cut);
  });

  it('is refused while a bitmap is held, or cannot be resized', async () => {
    const disk = await diskWith({ a: {}, b: {} });
    const crashed = await disk.open();
    await crashed.acquire(['b']);
    const device = new MemoryDevice({ size: SIZE });
    const drive = await openDrive({ disks: [disk], device });
    const lost = { code: 'BITMAP_INCONSISTENT' };
    await expect(drive.device.resize(LARGER)).rejects.toMatchObject(lost);
    await drive.transaction([{ op: 'remove', name: 'b' }]);
    const release = await drive.hold('a');
    await expect(drive.device.resize(LARGER)).rejects.toMatchObject({ code: 'BITMAP_BUSY' });
    expect(device.size).toBe(SIZE);
    release();
    await drive.device.resize(LARGER);
    expect(await bitsOf(drive, 'a')).toEqual(added);
  });

  it('is taken back in all stores when the device cannot be resized', async () => {
    const disks = [await diskWith({ a: { dirty: [0] } }), await diskWith({ b: {} })];
    const inner = new MemoryDevice({ size: SIZE });
    const device = new FaultDevice(inner, [{ kind: 'fail', on: 'resize' }]);
    const drive = await openDrive({ disks, device });
    await expect(drive.device.resize(LARGER)).rejects.toMatchObject({ code: 'IO_FAILED' });
    await touch(drive, 4096);
    expect(await bitsOf(drive, 'a')).toEqual([0, 4096]);
    await drive.close();
    for (const disk of disks) {
      const store = await disk.open();
      expect([store.diskSize, (await store.list())[0]?.state]).toEqual([SIZE, 'stored']);
    }
  });

  it('A19: resizes its stores before the device', async () => {
    const disk = await diskWith({ a: {} });
    const device = new MemoryDevice({ size: SIZE });
    const seen: number[] = [];
    const resize = (size: number) => {
      seen.push(disk.diskSize);
      return MemoryDevice.prototype.resize.call(device, size);
    };
    const drive = await openDrive({ disks: [disk], device: Object.assign(device, { resize }) });
    for (const size of [LARGER, SIZE / 2]) await drive.device.resize(size);
    expect(seen).toEqual([LARGER, SIZE / 2]);
  });

  it('is possible where there are no stores', async () => {
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
