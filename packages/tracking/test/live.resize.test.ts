import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import { powerCut, RecordingDevice } from '@tidemark/block/testing';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { createSidecar, openSidecarStore } from '@tidemark/store-sidecar';
import { describe, expect, it } from 'vitest';
import { openTrackedDrive, type TrackedDrive } from '../src/index.ts';
import { created, GRANULE, SIZE } from './support/drives.ts';

const REGION = 4 * GRANULE;
const ON = created('on');
const OFF = created('off', { enabled: false });

function open(device: BlockDevice, store: Awaited<ReturnType<typeof openQcow2Store>>) {
  return openTrackedDrive({
    device,
    label: 'd0',
    writable: true,
    durability: 'live',
    marks: { regionSize: REGION, idleAfter: 0 },
    stores: [store],
  });
}

/** Grows, shrinks and grows again, with writes before and after each. */
async function session({ device }: TrackedDrive): Promise<void> {
  const write = (value: number, offset: number) =>
    device.write(new Uint8Array(GRANULE).fill(value), offset);
  await write(2, 0);
  await Promise.all([write(3, GRANULE), device.resize(3 * SIZE), write(4, 8 * GRANULE)]);
  await write(5, 2 * SIZE);
  await device.flush();
  await Promise.all([device.resize(SIZE / 2), write(6, 2 * GRANULE)]);
  await device.flush();
  await device.resize(2 * SIZE);
  await write(7, SIZE / 2 + GRANULE);
  await device.flush();
}

async function readAll(device: BlockDevice): Promise<Uint8Array> {
  const bytes = new Uint8Array(device.size);
  await device.read(bytes, 0);
  return bytes;
}

/** Granules that differ from the backup, or that it has not. */
function changesSince(backup: Uint8Array, now: Uint8Array): readonly number[] {
  const changed: number[] = [];
  for (let at = 0; at < now.length; at += GRANULE) {
    const [old, next] = [backup, now].map((bytes) => bytes.subarray(at, at + GRANULE));
    if (Buffer.compare(old!, next!) !== 0) changed.push(at);
  }
  return changed;
}

describe('a drive that is resized while its bitmaps are live', () => {
  it('has everything dirty that differs from the backup, wherever the power fails', async () => {
    const memory = new MemoryDevice({ size: 0 });
    await createQcow2(memory, { size: SIZE, clusterSize: 512 });
    const recorder = await RecordingDevice.startOn(memory);
    const image = await openQcow2(recorder, { writable: true });
    await image.write(new Uint8Array(SIZE).fill(1), 0);
    const store = await openQcow2Store(image);
    await store.commit([ON, OFF]);
    const start = recorder.events.length;
    const backup = new Uint8Array(SIZE).fill(1);
    await session(await open(image, store));

    const sizes = new Set<number>();
    for (let count = start; count <= recorder.events.length; count++) {
      for (const keeps of [() => false, () => true]) {
        const left = await powerCut(recorder.base, recorder.events.slice(0, count), keeps);
        const cut = await openQcow2(left, { writable: false });
        const found = await openQcow2Store(cut);
        const bits = await found.load('on');
        expect([count, bits.diskSize]).toEqual([count, cut.size]);
        sizes.add(cut.size);
        const stale = changesSince(backup, await readAll(cut)).filter((at) => !bits.isDirty(at));
        expect({ count, stale }).toEqual({ count, stale: [] });
        const off = await found.load('off');
        const added = cut.size > SIZE ? off.nextClean(SIZE, cut.size) : -1;
        expect({ count, added }).toEqual({ count, added: -1 });
      }
    }
    expect([...sizes].sort((a, b) => a - b)).toEqual([SIZE / 2, SIZE, 2 * SIZE, 3 * SIZE]);
  });

  it('goes on with exact bits, which a clean close stores', async () => {
    const memory = new MemoryDevice({ size: 0 });
    await createQcow2(memory, { size: SIZE, clusterSize: 512 });
    const image = await openQcow2(memory, { writable: true });
    const store = await openQcow2Store(image);
    await store.commit([ON]);
    const drive = await open(image, store);
    await drive.device.write(new Uint8Array(1), 0);
    await drive.device.resize(SIZE + GRANULE);
    await drive.device.write(new Uint8Array(1), 5 * REGION - REGION - 1);
    const bits = await drive.load('on');
    const offsets = [...bits.dirtyExtents()].map(({ offset, length }) => [offset, length]);
    await drive.narrow();
    const crashed = await openQcow2Store(await openQcow2(memory, { writable: false }));
    expect((await crashed.load('on')).sha256()).toBe(bits.sha256());
    expect(offsets).toEqual([
      [0, GRANULE],
      [SIZE - GRANULE, 2 * GRANULE],
    ]);
  });

  it('A19: leaves a sidecar that is for the drive as it is, where its device fails', async () => {
    const file = new MemoryDevice({ size: 0 });
    await createSidecar(file, { diskSize: SIZE });
    const device = new MemoryDevice({ size: SIZE });
    const store = await openSidecarStore({ drive: device, sidecar: file });
    await store.commit([ON]);
    const fixed = Object.create(device, {
      resize: { value: () => Promise.reject(new Error('no space')) },
      size: { get: () => device.size },
    });
    const drive = await openTrackedDrive({
      device: fixed,
      label: 'd0',
      writable: true,
      stores: [store],
    });
    await expect(drive.device.resize(2 * SIZE)).rejects.toThrow('no space');
    expect(store.diskSize).toBe(SIZE);
  });
});
