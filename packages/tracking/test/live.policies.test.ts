import { MemoryDevice } from '@tidemark/block';
import type { WriteLease } from '@tidemark/core';
import { MemoryDisk, openMemoryStore } from '@tidemark/store-memory';
import { afterEach, describe, expect, it } from 'vitest';
import { openTrackedDrive, type TrackedDrive, type TrackingErrorPolicy } from '../src/index.ts';
import { GRANULE, SIZE } from './support/drives.ts';
import { FaultyDisk } from './support/faulty-disk.ts';
import { broken, FailingMarks, full } from './support/failing-marks.ts';
import { settle } from './support/gated-device.ts';

const REGION = 4 * GRANULE;
const OTHER = 2 * REGION;

/** A drive whose first region is marked in 'a', and what it was asked to write. */
async function driveWith(policy: TrackingErrorPolicy, lease?: WriteLease) {
  const marks = new FailingMarks();
  marks.lease = lease;
  const disk = new MemoryDisk(SIZE);
  const device = new MemoryDevice({ size: SIZE });
  // Looked at afterwards, too.
  device.close = async () => {};
  const warnings: string[] = [];
  const drive = await openTrackedDrive({
    device,
    label: 'd0',
    stores: [marks.wrap(await openMemoryStore(disk))],
    transient: await openMemoryStore(new MemoryDisk(SIZE)),
    writable: true,
    durability: 'live',
    onTrackingError: policy,
    retryAfter: 1,
    marks: { regionSize: REGION },
    select: [
      { name: 'a', create: true, granularity: GRANULE },
      { name: 't', create: true, granularity: GRANULE, persistent: false },
    ],
    onWarning: (message) => warnings.push(message),
  });
  await drive.device.write(Uint8Array.of(1), 0);
  const byteAt = async (offset: number) => {
    const byte = new Uint8Array(1);
    await device.read(byte, offset);
    return byte[0];
  };
  const found = async () => {
    const store = await openMemoryStore(disk, { writable: false });
    const [info] = await store.list();
    return info?.state === 'stored' ? (await store.load('a')).isDirty(OTHER) : info?.state;
  };
  opened = drive;
  return { drive, marks, warnings, byteAt, found };
}

let opened: TrackedDrive | undefined;
afterEach(async () => {
  await opened?.close().catch(() => {});
});

const write = (drive: TrackedDrive, offset: number) => drive.device.write(Uint8Array.of(7), offset);

async function until(isSo: () => boolean): Promise<void> {
  await expect.poll(isSo, { interval: 1, timeout: 4000 }).toBe(true);
}

describe('a write that cannot be marked, with on-tracking-error=stop', () => {
  it('waits until it can be, while others go on', async () => {
    const { drive, marks, warnings, byteAt, found } = await driveWith('stop');
    marks.bits = full();
    const attempts = marks.attempts;
    const waiting = [write(drive, OTHER), drive.device.writeZeroes(OTHER + 512, 512)];
    await until(() => marks.attempts > attempts + 3);
    expect(await byteAt(OTHER)).toBe(0);
    expect(drive.trouble).toEqual({ reason: 'no space is left', isFull: true });
    await write(drive, GRANULE);
    await drive.device.flush();
    expect(await byteAt(GRANULE)).toBe(7);
    expect(warnings).toEqual([
      "drive 'd0': writes wait, since they cannot be marked in bitmaps: no space is left",
    ]);
    marks.bits = undefined;
    await Promise.all(waiting);
    expect(await byteAt(OTHER)).toBe(7);
    expect(await found()).toBe(true);
    expect(drive.trouble).toBeUndefined();
    expect(warnings.slice(1)).toEqual(["drive 'd0': writes can be marked again"]);
  });

  it('fails when the drive is closed meanwhile, and was not made', async () => {
    const { drive, marks, byteAt, found } = await driveWith('stop');
    marks.sync = broken();
    const waiting = write(drive, OTHER).catch((error: unknown) => error);
    await until(() => drive.trouble !== undefined);
    const closed = drive.close().catch(() => {});
    expect(await waiting).toMatchObject({
      code: 'IO_FAILED',
      message: expect.stringContaining('while a write waited'),
    });
    await closed;
    expect(await byteAt(OTHER)).toBe(0);
    expect(await found()).not.toBe('inconsistent');
  });

  it('fails when waiting is ended, so that who answers clients can end', async () => {
    const { drive, marks } = await driveWith('stop');
    marks.bits = broken();
    const waiting = write(drive, OTHER);
    drive.endWaiting();
    await expect(waiting).rejects.toMatchObject({ code: 'IO_FAILED' });
    await expect(write(drive, OTHER)).rejects.toMatchObject({ code: 'IO_FAILED' });
    await write(drive, GRANULE);
  });
});

describe('a write that cannot be marked, with on-tracking-error=report', () => {
  it.each([full(), broken()])('fails with the error as it was: $code', async (error) => {
    const { drive, marks, byteAt, warnings } = await driveWith('report');
    marks.bits = error;
    await expect(write(drive, OTHER)).rejects.toBe(error);
    expect(await byteAt(OTHER)).toBe(0);
    marks.bits = undefined;
    await write(drive, OTHER);
    expect(await byteAt(OTHER)).toBe(7);
    expect(warnings).toEqual([]);
  });
});

describe('a write that cannot be marked, with on-tracking-error=drop', () => {
  it('is made when the bitmap is durably in use, and other bitmaps go on', async () => {
    const { drive, marks, warnings, byteAt, found } = await driveWith('drop');
    marks.bits = broken();
    await write(drive, OTHER);
    expect(await byteAt(OTHER)).toBe(7);
    expect(await found()).toBe('inconsistent');
    expect(warnings).toEqual([
      expect.stringContaining('bitmaps were given up, since writes could not be marked'),
    ]);
    const [transient, dropped] = await drive.list();
    expect(dropped).toMatchObject({ name: 'a', inconsistent: true, recording: false });
    expect(transient).toMatchObject({ name: 't', recording: true, count: 2 * GRANULE });
    await drive.close();
    expect(await found()).toBe('inconsistent');
  });

  it('waits where the bitmap cannot be given up', async () => {
    const { drive, marks, byteAt, found } = await driveWith('drop');
    marks.bits = broken();
    marks.commit = broken();
    const waiting = write(drive, OTHER);
    await until(() => drive.trouble !== undefined);
    expect(await byteAt(OTHER)).toBe(0);
    marks.bits = undefined;
    await waiting;
    expect(await byteAt(OTHER)).toBe(7);
    expect(await found()).toBe(true);
  });

  it('waits until the lease is over where that alone can give the bitmap up', async () => {
    const over = Promise.withResolvers<void>();
    let isLapsing = false;
    const lease = {
      allowsWrite: () => true,
      begin: () => {},
      end: () => {},
      renew: async () => {},
      lapse: () => {
        isLapsing = true;
        return over.promise;
      },
    };
    const { drive, marks, byteAt } = await driveWith('drop', lease);
    marks.bits = broken();
    marks.commit = broken();
    const waiting = write(drive, OTHER);
    await until(() => isLapsing);
    await settle();
    expect(await byteAt(OTHER)).toBe(0);
    over.resolve();
    await waiting;
    expect(await byteAt(OTHER)).toBe(7);
    await drive.close();
  });
});

describe('a drive whose bitmaps are to be live', () => {
  it('says of which store a crash leaves them inconsistent, where it is going to be written', async () => {
    const warnings: string[] = [];
    const disk = new FaultyDisk(SIZE);
    const open = async (writable: boolean) =>
      openTrackedDrive({
        device: new MemoryDevice({ size: SIZE }),
        label: 'd0',
        stores: [await disk.open(), await openMemoryStore(new MemoryDisk(SIZE))],
        writable,
        durability: 'live',
        onWarning: (message) => warnings.push(message),
      });
    await open(false);
    expect(warnings).toEqual([]);
    opened = await open(true);
    expect(warnings).toEqual([
      "a crash will leave the bitmaps of 'd0' in faulty disk inconsistent, since it is of no such kind",
    ]);
  });
});
