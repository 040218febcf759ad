import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import { type Fault, FaultDevice } from '@tidemark/block/testing';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';
import { describe, expect, it } from 'vitest';
import { type BitmapAction, type BitmapSelection, openTrackedDrive } from '../src/index.ts';
import { bitsOf, created, diskWith, GRANULE, SIZE, touch } from './support/drives.ts';
import { dirtyOf, type FaultyDisk } from './support/faulty-disk.ts';
import { GatedDevice, settle } from './support/gated-device.ts';

/** What is marked on disk at once. */
const REGION = 4 * GRANULE;

interface LiveShape {
  readonly device?: BlockDevice;
  readonly select?: readonly BitmapSelection[];
  /** Of the image that the bitmaps are in. */
  readonly faults?: readonly Fault[];
}

/** A drive with live bitmaps in an image, and others in memory. */
async function liveDrive(transient: FaultyDisk, shape: LiveShape = {}) {
  const { open, found } = await closedDrive(transient, shape);
  return { drive: await open(), found };
}

async function closedDrive(
  transient: FaultyDisk,
  { device = memory(), faults = [], select = [] }: LiveShape = {},
) {
  const file = new MemoryDevice({ size: 0 });
  await createQcow2(file, { size: SIZE, clusterSize: 4096 });
  const earlier = await openQcow2Store(await openQcow2(file, { writable: true }));
  await earlier.commit([
    created('on', { dirty: [0] }),
    created('off', { enabled: false, dirty: [0] }),
  ]);
  const image = await openQcow2(new FaultDevice(file, faults), { writable: true });
  const store = await openQcow2Store(image);
  const found = async () => {
    const crashed = await openQcow2Store(await openQcow2(file, { writable: false }));
    const bitmaps: Record<string, readonly number[] | string> = {};
    for (const { name, state, enabled } of await crashed.list()) {
      const bits = state === 'stored' ? dirtyOf(await crashed.load(name)) : state;
      bitmaps[enabled ? name : `${name}, disabled`] = bits;
    }
    return bitmaps;
  };
  const open = async () =>
    openTrackedDrive({
      device,
      label: 'd0',
      writable: true,
      durability: 'live',
      onTrackingError: 'report',
      marks: { regionSize: REGION },
      stores: [store],
      transient: await transient.open(),
      select,
    });
  return { open, found };
}

const memory = () => new MemoryDevice({ size: SIZE });

/** One is in a region that was marked before, the other one is not. */
const WRITES = [GRANULE, 2 * REGION];

const changes: Record<string, BitmapAction> = {
  disable: { op: 'disable', name: 'on' },
  clear: { op: 'clear', name: 'on' },
  'merge into': { op: 'merge', target: 'on', sources: ['off'] },
  remove: { op: 'remove', name: 'on' },
  enable: { op: 'enable', name: 'off' },
};

describe.each(Object.entries(changes))('live bitmaps after a failed %s', (_, action) => {
  async function expectToRecord({ drive, found }: Awaited<ReturnType<typeof liveDrive>>) {
    const written = [0, 2 * GRANULE];
    for (const offset of WRITES) {
      await touch(drive, offset);
      written.push(offset);
      const { on, 'off, disabled': off } = await found();
      expect(on).toEqual(expect.arrayContaining(written));
      expect(off).toEqual([0]);
    }
    expect(await bitsOf(drive, 'on')).toEqual(written.toSorted((a, b) => a - b));
  }

  it('record on disk what is written, when another store failed', async () => {
    const transient = await diskWith();
    const live = await liveDrive(transient);
    await touch(live.drive, 2 * GRANULE);
    transient.outcomes.push('before');
    const failing = live.drive.transaction([action, { op: 'add', name: 't' }]);
    await expect(failing).rejects.toMatchObject({ code: 'IO_FAILED' });
    await expectToRecord(live);
  });

  it('record on disk what is written, when the drive could not be flushed', async () => {
    const device = new FaultDevice(memory(), [{ kind: 'fail', on: 'flush' }]);
    const live = await liveDrive(await diskWith(), { device });
    await touch(live.drive, 2 * GRANULE);
    const failing = live.drive.transaction([action, { op: 'add', name: 'new', persistent: true }]);
    await expect(failing).rejects.toMatchObject({ code: 'IO_FAILED' });
    await expectToRecord(live);
  });

  it('are as they were when the drive cannot be flushed when another store failed', async () => {
    const transient = await diskWith();
    const device = new FaultDevice(memory(), [{ kind: 'fail', on: 'flush', nth: 1 }]);
    const live = await liveDrive(transient, { device });
    await touch(live.drive, 2 * GRANULE);
    transient.outcomes.push('before');
    const failing = live.drive.transaction([action, { op: 'add', name: 't' }]);
    await expect(failing).rejects.toMatchObject({ code: 'IO_FAILED' });
    await expectToRecord(live);
  });
});

it('lets no write through that waited for a transaction and is not on disk', async () => {
  const device = new GatedDevice(SIZE);
  const { drive, found } = await liveDrive(await diskWith(), { device });
  const failing = drive.transaction([{ op: 'disable', name: 'on' }]).catch(String);
  await settle();
  const write = touch(drive, 2 * REGION);
  await settle();
  // The flush that the transaction makes: the write waits until it is over.
  expect(device.waiting).toBe(1);
  await device.fail(new Error('no flush'));
  expect(await failing).toContain('no flush');
  await settle();
  expect(device.waiting).toBe(1);
  expect((await found())['on']).toEqual(expect.arrayContaining([0, 2 * REGION]));
  device.open();
  await write;
});

it('has its flags as before when the drive did not begin', async () => {
  const transient = await diskWith();
  transient.outcomes.push('before');
  const select = [
    { name: 'on', enabled: false },
    { name: 'off', enabled: true },
    { name: 't', create: true, persistent: false },
  ];
  const { open, found } = await closedDrive(transient, { select });
  const before = await found();
  await expect(open()).rejects.toMatchObject({ code: 'IO_FAILED' });
  expect(await found()).toEqual(before);
});

const faults = (['change', 'flush'] as const).flatMap((on) =>
  Array.from({ length: 16 }, (_, nth): Fault => ({ kind: 'fail', on, nth })),
);

describe.each(Object.entries(changes))(
  'live bitmaps while their store fails in a %s',
  (_, action) => {
    it.each(faults)('let no write through that is not on disk ($on $nth)', async (fault) => {
      const live = await liveDrive(await diskWith(), { faults: [fault] }).catch(() => undefined);
      // It could not be opened, so nothing was written either.
      if (live === undefined) return;
      const { drive, found } = live;
      const before = [0];
      const after: number[] = [];
      const write = async (offset: number, to: number[]) =>
        touch(drive, offset).then(
          () => void to.push(offset),
          () => {},
        );
      await write(2 * GRANULE, before);
      const failed = await drive.transaction([action]).then(
        () => false,
        () => true,
      );
      // Of other bitmaps: they must not make those of the failed store forgotten.
      await drive.transaction([{ op: 'add', name: 't' }]);
      for (const offset of [2 * GRANULE, ...WRITES]) await write(offset, after);
      const { on } = await found();
      const isRecorded = (offsets: readonly number[]) =>
        typeof on !== 'object' || offsets.every((offset) => on.includes(offset));
      // Old or new: both may be there where it failed.
      const records = !['disable', 'remove'].includes(action.op);
      expect(isRecorded(failed || records ? after : [])).toBe(true);
      const keeps = action.op !== 'clear';
      expect(isRecorded(keeps ? before : [])).toBe(true);
    });
  },
);

/** A disk that is full from some write on, for that one or for good. */
const full = Array.from({ length: 24 }, (_, nth) =>
  [1, Infinity].map((times): Fault => {
    return { kind: 'fail', on: 'change', nth, times, code: 'NO_SPACE' };
  }),
).flat();
const refusal = { code: expect.stringMatching(/^(?:IO_FAILED|NO_SPACE|STORE_FAILED)$/) };

it.each(Object.entries(changes))(
  'lets no write through that is not on disk where %s cannot be taken back on a full disk',
  async (_, action) => {
    let refusals = 0;
    for (const fault of full) {
      const transient = await diskWith();
      const live = await liveDrive(transient, { faults: [fault] }).catch(() => undefined);
      if (live === undefined) continue;
      const { drive, found } = live;
      await touch(drive, 2 * GRANULE).catch(() => {});
      transient.outcomes.push('before');
      const failing = drive.transaction([action, { op: 'add', name: 't' }]);
      await expect(failing).rejects.toMatchObject(refusal);
      const written: number[] = [];
      for (const offset of [2 * GRANULE, ...WRITES]) {
        await touch(drive, offset).then(
          () => void written.push(offset),
          (error: unknown) => {
            refusals++;
            expect(error).toMatchObject(refusal);
          },
        );
      }
      const bitmaps = await found();
      const on = bitmaps['on'] ?? bitmaps['on, disabled'] ?? written;
      expect({ fault, on }).toEqual({ fault, on: expect.arrayContaining(written) });
      await drive.close().catch(() => {});
    }
    expect(refusals).toBeGreaterThan(0);
  },
);

const failures = (['change', 'flush'] as const).flatMap((on) =>
  Array.from({ length: 24 }, (_, nth) =>
    (['IO_FAILED', 'NO_SPACE'] as const).map((code): Fault => {
      return { kind: 'fail', on, nth, times: Infinity, code };
    }),
  ).flat(),
);

it('has the bits of before where a clear cannot be taken back', async () => {
  let failedAfterClear = 0;
  for (const fault of failures) {
    const transient = await diskWith();
    const live = await liveDrive(transient, { faults: [fault] }).catch(() => undefined);
    if (live === undefined) continue;
    const { drive, found } = live;
    const written = [0];
    await touch(drive, 2 * GRANULE).then(
      () => void written.push(2 * GRANULE),
      () => {},
    );
    transient.outcomes.push('before');
    const failing = drive.transaction([
      { op: 'clear', name: 'on' },
      { op: 'add', name: 't' },
    ]);
    await expect(failing).rejects.toMatchObject(refusal);
    if (transient.outcomes.length === 0) failedAfterClear++;
    expect({ fault, on: (await found())['on'] }).toEqual({
      fault,
      on: expect.arrayContaining(written),
    });
    await drive.close().catch(() => {});
    expect((await found())['on']).toEqual(expect.arrayContaining(written));
  }
  expect(failedAfterClear).toBeGreaterThan(0);
});

it('forgets what was cleared once every store has done its part', async () => {
  const { drive, found } = await liveDrive(await diskWith());
  await touch(drive, 2 * GRANULE);
  await drive.transaction([
    { op: 'clear', name: 'on' },
    { op: 'add', name: 't' },
  ]);
  expect((await found())['on']).toEqual([]);
  await touch(drive, GRANULE);
  await drive.close();
  expect((await found())['on']).toEqual([GRANULE]);
});
