import { MemoryDevice } from '@tidemark/block';
import { type Fault, FaultDevice, RecordingDevice } from '@tidemark/block/testing';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { describe, expect, it } from 'vitest';
import { type BitmapAction, openTrackedDrive } from '../src/index.ts';
import { created, GRANULE, SIZE, touch } from './support/drives.ts';
import { dirtyOf } from './support/faulty-disk.ts';

type Durability = 'live' | 'close';

/** A drive with the bitmaps 'on', which records, and 'off', in an image that fails as planned. */
async function driveOnImage(durability: Durability, faults: readonly Fault[] = []) {
  const file = new MemoryDevice({ size: 0 });
  await createQcow2(file, { size: SIZE, clusterSize: 4096 });
  await (
    await openQcow2Store(await openQcow2(file, { writable: true }))
  ).commit([created('on', { dirty: [0] }), created('off', { enabled: false, dirty: [0] })]);
  const recorder = await RecordingDevice.startOn(new FaultDevice(file, faults));
  const drive = await openTrackedDrive({
    device: new MemoryDevice({ size: SIZE }),
    label: 'd0',
    writable: true,
    clusterSize: GRANULE,
    durability,
    marks: { regionSize: GRANULE },
    stores: [await openQcow2Store(await openQcow2(recorder, { writable: true }))],
  });
  await touch(drive, GRANULE);
  const found = async () => {
    const store = await openQcow2Store(await openQcow2(file, { writable: false }));
    const bitmaps: Record<string, readonly number[] | string> = {};
    for (const { name, state, enabled } of await store.list()) {
      const bits = state === 'stored' ? dirtyOf(await store.load(name)) : state;
      bitmaps[enabled ? name : `${name}, disabled`] = bits;
    }
    return bitmaps;
  };
  const changes = () => recorder.events.filter((event) => event.op !== 'flush');
  return { drive, found, changes };
}

/** A disk that is full for one write, at each write of the transaction but its commit points. */
async function fullDisks(durability: Durability, actions: readonly BitmapAction[]) {
  const { drive, changes } = await driveOnImage(durability);
  const start = changes().length;
  await drive.transaction(actions);
  return changes().flatMap((event, nth): Fault[] => {
    if (nth < start || (event.op === 'write' && event.offset === 0)) return [];
    return [{ kind: 'fail', on: 'change', nth, code: 'NO_SPACE' }];
  });
}

const TRANSACTIONS: Readonly<Record<string, readonly BitmapAction[]>> = {
  'an add': [{ op: 'add', name: 'new', persistent: true }],
  'a clear and an add': [
    { op: 'clear', name: 'on' },
    { op: 'add', name: 'new', persistent: true },
  ],
  'a rotation': [
    { op: 'add', name: 'new', persistent: true },
    { op: 'merge', target: 'off', sources: ['on'] },
    { op: 'remove', name: 'on' },
  ],
};
const ALL = Object.entries(TRANSACTIONS).flatMap(([what, actions]) =>
  (['close', 'live'] as const).map((durability) => ({ what, actions, durability })),
);

describe.each(ALL)('$what on a full disk, durability $durability', ({ actions, durability }) => {
  it('costs a drive none of its bitmaps', async () => {
    let failures = 0;
    for (const fault of await fullDisks(durability, actions)) {
      const { drive, found } = await driveOnImage(durability, [fault]);
      const failure = await drive.transaction(actions).catch((error: unknown) => error);
      if (failure === undefined) continue;
      failures++;
      expect({ fault, failure }).toMatchObject({ fault, failure: { code: 'NO_SPACE' } });
      // Marked in a new place and in an old one, as if nothing had been.
      await touch(drive, GRANULE);
      await touch(drive, 9 * GRANULE);
      const crashed = await found();
      const left = durability === 'live' ? [0, GRANULE, 9 * GRANULE] : 'inconsistent';
      expect({ fault, crashed }).toEqual({ fault, crashed: { on: left, 'off, disabled': [0] } });
      await drive.close();
      expect({ fault, found: await found() }).toEqual({
        fault,
        found: { on: [0, GRANULE, 9 * GRANULE], 'off, disabled': [0] },
      });
    }
    expect(failures).toBeGreaterThan(0);
  });

  it('can be made again when there is room', async () => {
    const [fault] = await fullDisks(durability, actions);
    const { drive, found } = await driveOnImage(durability, [fault!]);
    await expect(drive.transaction(actions)).rejects.toMatchObject({ code: 'NO_SPACE' });
    await drive.transaction(actions);
    await touch(drive, 9 * GRANULE);
    await drive.close();
    expect(await found()).toMatchObject({ new: [9 * GRANULE] });
  });
});
