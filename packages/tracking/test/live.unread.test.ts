import { MemoryDevice } from '@tidemark/block';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { describe, expect, it } from 'vitest';
import { openTrackedDrive } from '../src/index.ts';
import { created, GRANULE, SIZE } from './support/drives.ts';
import { dirtyOf } from './support/faulty-disk.ts';

/** An image of which nothing can be read in the same tick from some moment on. */
class Image extends MemoryDevice {
  isReadable = true;

  override readBlocking(target: Uint8Array, offset: number): boolean {
    return this.isReadable && super.readBlocking(target, offset);
  }
}

async function imageWith(dirty: readonly number[]): Promise<Image> {
  const file = new Image({ size: 0 });
  await createQcow2(file, { size: SIZE, clusterSize: 4096 });
  const store = await openQcow2Store(await openQcow2(file, { writable: true }));
  await store.commit([created('a', { dirty })]);
  return file;
}

async function openDrive(file: Image, device: MemoryDevice, notices: string[] = []) {
  const image = await openQcow2(file, { writable: true });
  const onNotice = (message: string) => void notices.push(message);
  return openTrackedDrive({
    device,
    label: 'd',
    writable: true,
    clusterSize: GRANULE,
    durability: 'live',
    marks: { regionSize: GRANULE },
    stores: [await openQcow2Store(image, { onNotice })],
  });
}

/** Dirty granules that the next one finds, who opens it after a crash now. */
async function found(file: Image): Promise<readonly number[]> {
  file.isReadable = true;
  const store = await openQcow2Store(await openQcow2(file, { writable: false }));
  return dirtyOf(await store.load('a'));
}

describe('live bitmaps whose bits are read when they are needed', () => {
  it('marks what is written where bits cannot be read, though they count as dirty', async () => {
    const file = await imageWith([0]);
    const notices: string[] = [];
    const drive = await openDrive(file, new MemoryDevice({ size: SIZE }), notices);
    file.isReadable = false;
    expect(drive.bitmap('a')!.isDirty(5 * GRANULE)).toBe(true);
    await drive.device.write(new Uint8Array(1), 5 * GRANULE);
    expect(await found(file)).toEqual(expect.arrayContaining([0, 5 * GRANULE]));
    expect(notices).toHaveLength(1);
  });

  it('marks it also where they could not be read before writes are recorded', async () => {
    const file = await imageWith([0]);
    const device = new MemoryDevice({ size: SIZE });
    const drive = await openDrive(file, device);
    file.isReadable = false;
    await drive.device.write(new Uint8Array(1), 5 * GRANULE);
    expect(await found(file)).toContain(5 * GRANULE);
  });

  it('keeps a copy that is frozen as it was while others are written where it lies', async () => {
    const file = await imageWith([0, 9 * GRANULE]);
    const drive = await openDrive(file, new MemoryDevice({ size: SIZE }));
    await drive.freeze('a');
    for (let at = 0; at < SIZE; at += GRANULE) await drive.device.write(new Uint8Array(1), at);
    expect(dirtyOf(drive.bitmap('a')!)).toEqual([0, 9 * GRANULE]);
  });

  it('puts the truth back on disk, not what was marked ahead of it', async () => {
    const file = await imageWith([0]);
    const drive = await openDrive(file, new MemoryDevice({ size: SIZE }));
    await drive.device.write(new Uint8Array(1), 3 * GRANULE);
    await drive.close();
    expect(await found(file)).toEqual([0, 3 * GRANULE]);
  });

  it('finds all bits in memory when the clusters of the old ones are given away', async () => {
    const file = await imageWith([2 * GRANULE]);
    const drive = await openDrive(file, new MemoryDevice({ size: SIZE }));
    await drive.transaction([
      { op: 'add', name: 'b', persistent: true },
      { op: 'merge', target: 'b', sources: ['a'] },
      { op: 'clear', name: 'a' },
    ]);
    expect(dirtyOf(drive.bitmap('b')!)).toEqual([2 * GRANULE]);
    expect(dirtyOf(drive.bitmap('a')!)).toEqual([]);
  });
});
