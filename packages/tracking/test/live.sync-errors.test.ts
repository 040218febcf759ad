import { MemoryDevice } from '@tidemark/block';
import { type Fault, FaultDevice } from '@tidemark/block/testing';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { expect, it } from 'vitest';
import { openTrackedDrive, type TrackedDrive } from '../src/index.ts';
import { created, GRANULE, SIZE } from './support/drives.ts';
import { dirtyOf } from './support/faulty-disk.ts';

/** A qcow2 drive with a live bitmap in it. */
async function driveOn(faults: readonly Fault[]) {
  const file = new MemoryDevice({ size: 0 });
  await createQcow2(file, { size: SIZE, clusterSize: 4096 });
  const earlier = await openQcow2(file, { writable: true });
  await (await openQcow2Store(earlier)).commit([created('a')]);
  const image = await openQcow2(new FaultDevice(file, faults), { writable: true });
  const open = async () =>
    openTrackedDrive({
      device: image,
      label: 'd0',
      stores: [await openQcow2Store(image)],
      writable: true,
      durability: 'live',
      onTrackingError: 'report',
      marks: { regionSize: 2 * GRANULE },
    });
  const found = async () =>
    dirtyOf(await (await openQcow2Store(await openQcow2(file, { writable: false }))).load('a'));
  return { open, found };
}

/** What came of each call from the first failure on, and what was acknowledged. */
async function useOf(drive: TrackedDrive) {
  const { device } = drive;
  const written: number[] = [];
  const afterwards: string[] = [];
  let first: string | undefined;
  const note = async (what: string, call: Promise<void>) => {
    const isDone = await call.then(
      () => true,
      () => false,
    );
    if (first !== undefined) afterwards.push(`${what}: ${isDone ? 'done' : 'failed'}`);
    else if (!isDone) first = what;
    return isDone;
  };
  for (let offset = 0; offset < SIZE; offset += 2 * GRANULE) {
    const isWritten = await note('write', device.write(new Uint8Array(GRANULE), offset));
    if (isWritten) written.push(offset);
    await note('flush', device.flush());
  }
  await note('clear', drive.transaction([{ op: 'clear', name: 'a' }]));
  return { first, afterwards, written };
}

it('A3: a sync error that a mark meets fails the next flush, and every change of bitmaps', async () => {
  const metBy = new Set<string | undefined>();
  for (let nth = 0; nth < 24; nth++) {
    // Once: the system forgets what it could not write, and the next sync goes well.
    const { open, found } = await driveOn([{ kind: 'fail', on: 'flush', nth }]);
    const drive = await open().catch(() => undefined);
    if (drive === undefined) continue;
    const { first, afterwards, written } = await useOf(drive);
    metBy.add(first);
    const wrong = afterwards.filter((it) => it === 'flush: done' || it === 'clear: done');
    const kept = first === undefined || first === 'clear' ? [] : written;
    expect({ nth, wrong }).toEqual({ nth, wrong: [] });
    expect(await found()).toEqual(expect.arrayContaining(kept));
    await drive.close().catch(() => {});
  }
  expect([...metBy]).toEqual(expect.arrayContaining(['write', 'flush', 'clear']));
});
