import { MemoryDevice } from '@tidemark/block';
import { type Fault, FaultDevice } from '@tidemark/block/testing';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { expect, it } from 'vitest';
import { openTrackedDrive } from '../src/index.ts';
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

const outcome = (call: Promise<void>) =>
  call.then(
    () => 'done',
    () => 'failed',
  );

it('A3: a sync error that a mark meets fails the next flush, and every change of bitmaps', async () => {
  let metByMarks = 0;
  for (let nth = 0; nth < 24; nth++) {
    // Once: the system forgets what it could not write, and the next sync goes well.
    const { open, found } = await driveOn([{ kind: 'fail', on: 'flush', nth }]);
    const drive = await open().catch(() => undefined);
    if (drive === undefined) continue;
    const { device } = drive;
    const written: number[] = [];
    let hasFailed = false;
    for (let offset = 0; offset < SIZE; offset += 2 * GRANULE) {
      const write = await outcome(device.write(new Uint8Array(GRANULE), offset));
      if (write === 'done') written.push(offset);
      else if (!hasFailed) metByMarks += 1;
      hasFailed ||= write === 'failed';
      const flush = await outcome(device.flush());
      if (hasFailed) expect({ nth, flush }).toEqual({ nth, flush: 'failed' });
      hasFailed ||= flush === 'failed';
    }
    const clear = await outcome(drive.transaction([{ op: 'clear', name: 'a' }]));
    if (hasFailed) {
      expect({ nth, clear }).toEqual({ nth, clear: 'failed' });
      expect(await found()).toEqual(expect.arrayContaining(written));
    }
    await drive.close().catch(() => {});
  }
  expect(metByMarks).toBeGreaterThan(0);
});
