import { TidemarkError } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import type { DigestSource, TrackedDrive } from '../src/index.ts';
import { bitsOf, created, GRANULE, SIZE, touch } from './support/drives.ts';
import { GatedDevice, settle } from './support/gated-device.ts';
import { LiveImage } from './support/live-image.ts';
import { CHECKPOINT, pointOf } from './support/points.ts';
import { watchedDevice } from './support/watched-device.ts';

const ALL = Array.from({ length: SIZE / GRANULE }, (_, granule) => granule * GRANULE);
const DIFFERING = [3 * GRANULE, 15 * GRANULE];

/** What the drive held at the point, and what it holds now. */
const then = new Uint8Array(SIZE).map((_, at) => 1 + Math.floor(at / GRANULE));
const now = then.map((byte, at) => (DIFFERING.includes(at - (at % GRANULE)) ? 99 : byte));

const rescan = (drive: TrackedDrive, source: DigestSource = pointOf(then)) =>
  drive.rescan({ name: 'b', source, batchSize: 4 * GRANULE });

it('a rescan leaves on disk what differs, and the checkpoint of the point', async () => {
  const image = await LiveImage.with();
  const drive = await image.openDrive(await watchedDevice(now, {}));
  await rescan(drive);
  expect(await bitsOf(drive, 'b')).toEqual(DIFFERING);
  const bitmap = { state: 'stored', checkpoint: CHECKPOINT, dirty: DIFFERING };
  expect(await image.found()).toEqual({ b: bitmap });
  await drive.close();
  expect(await image.found()).toEqual({ b: bitmap });
});

it('a rescanned bitmap is a superset of what differs at each moment, on disk too', async () => {
  const image = await LiveImage.with();
  const seen: number[] = [];
  const look = async () => {
    const { b } = await image.found();
    // The commit that puts it in place flushes the drive first.
    if (b === undefined && seen.length === 0) return;
    expect(b).toMatchObject({ state: 'stored', checkpoint: CHECKPOINT });
    expect(b!.dirty).toEqual(expect.arrayContaining(DIFFERING));
    seen.push(b!.dirty!.length);
  };
  const drive = await image.openDrive(await watchedDevice(now, { read: look, flush: look }));
  await rescan(drive);
  expect(seen.at(0)).toBe(ALL.length);
  expect(seen.toSorted((a, b) => b - a)).toEqual(seen);
  expect(new Set(seen).size).toBeGreaterThan(2);
});

it('a granule that is written while it is compared stays dirty', async () => {
  const image = await LiveImage.with();
  const writes: Promise<void>[] = [];
  const watch = {
    read: async (offset: number) => {
      const write = touch(drive, offset + GRANULE / 2);
      writes.push(write);
      await write;
    },
  };
  const drive = await image.openDrive(await watchedDevice(then, watch));
  await rescan(drive);
  expect(writes.length).toBeGreaterThan(0);
  expect(await bitsOf(drive, 'b')).toEqual(ALL);
  expect((await image.found())['b']!.dirty).toEqual(ALL);
});

it('other bitmaps can be changed meanwhile, and writes count all the same', async () => {
  const image = await LiveImage.with([created('c', { dirty: [0] })]);
  let clearing: Promise<void> | undefined;
  const watch = {
    read: async (offset: number) => {
      await (clearing ??= drive.transaction([{ op: 'clear', name: 'c' }]));
      await touch(drive, offset);
    },
  };
  const drive = await image.openDrive(await watchedDevice(then, watch));
  await rescan(drive);
  expect(await bitsOf(drive, 'b')).toEqual(ALL);
  expect(await bitsOf(drive, 'c')).toEqual(ALL);
});

it('a granule with a write under way since before the rescan stays dirty', async () => {
  const device = new GatedDevice(SIZE);
  device.gatesFlushes = false;
  const image = await LiveImage.with();
  const drive = await image.openDrive(device);
  const write = touch(drive, 5 * GRANULE);
  await settle();
  expect(device.waiting).toBe(1);
  await rescan(drive, pointOf(new Uint8Array(SIZE)));
  expect(await bitsOf(drive, 'b')).toEqual([5 * GRANULE]);
  device.open();
  await write;
  expect((await image.found())['b']!.dirty).toContain(5 * GRANULE);
});

it('a granule of the bitmap turns clean only when all of it was compared', async () => {
  const image = await LiveImage.with();
  const drive = await image.openDrive(await watchedDevice(now, {}));
  const granularity = 8 * GRANULE;
  await drive.rescan({ name: 'b', source: pointOf(now), granularity, batchSize: GRANULE });
  expect(await bitsOf(drive, 'b')).toEqual([]);
  const last = now.map((byte, at) => (at === SIZE - 1 ? 0 : byte));
  await drive.rescan({ name: 'b', source: pointOf(last), granularity, batchSize: GRANULE });
  expect(await bitsOf(drive, 'b')).toEqual([8 * GRANULE]);
  expect((await image.found())['b']!.dirty).toEqual([8 * GRANULE]);
});

it('nothing turns clean before what was read is durable', async () => {
  const image = await LiveImage.with();
  let flushes = 0;
  const watch = {
    flush: async () => {
      flushes += 1;
      // The first one is of the commit that puts the bitmap in place.
      if (flushes > 1) throw new TidemarkError('IO_FAILED', 'a planned fault');
    },
  };
  const drive = await image.openDrive(await watchedDevice(now, watch));
  await expect(rescan(drive)).rejects.toMatchObject({ code: 'IO_FAILED' });
  expect(await bitsOf(drive, 'b')).toEqual(ALL);
  await drive.narrow();
  expect((await image.found())['b']!.dirty).toEqual(ALL);
});

describe('a rescan that ends before its time', () => {
  it('keeps what it has found out when it is cancelled', async () => {
    const image = await LiveImage.with();
    const controller = new AbortController();
    const watch = {
      read: async (offset: number) => {
        if (offset >= 8 * GRANULE) controller.abort();
      },
    };
    const drive = await image.openDrive(await watchedDevice(now, watch));
    const { signal } = controller;
    const options = { name: 'b', source: pointOf(then), batchSize: 4 * GRANULE };
    const { finished } = await drive.beginRescan({ ...options, signal });
    await expect(finished).rejects.toMatchObject({ code: 'CANCELLED' });
    const { b } = await image.found();
    expect(b).toMatchObject({ state: 'stored', checkpoint: CHECKPOINT });
    expect(b!.dirty).toEqual(expect.arrayContaining([...DIFFERING, 8 * GRANULE, 14 * GRANULE]));
    expect(b!.dirty).not.toContain(0);
    expect(await bitsOf(drive, 'b')).toEqual(b!.dirty);
    await rescan(drive);
    expect(await bitsOf(drive, 'b')).toEqual(DIFFERING);
  });

  it('ends with the drive, whose close stores the bitmap as it is', async () => {
    const image = await LiveImage.with();
    let closing: Promise<void> | undefined;
    const watch = {
      read: async (offset: number) => {
        if (offset >= 8 * GRANULE) closing ??= drive.close();
      },
    };
    const drive = await image.openDrive(await watchedDevice(now, watch));
    await expect(rescan(drive)).rejects.toMatchObject({ code: 'DEVICE_CLOSED' });
    await closing;
    const { b } = await image.found();
    expect(b).toMatchObject({ state: 'stored', checkpoint: CHECKPOINT });
    expect(b!.dirty).toEqual(expect.arrayContaining(DIFFERING));
    expect(b!.dirty!.length).toBeLessThan(ALL.length);
    await expect(rescan(drive)).rejects.toMatchObject({ code: 'DEVICE_CLOSED' });
  });

  async function* damagedAtTheEnd(source: DigestSource) {
    yield* source.runs();
    throw new TidemarkError('BACKUP_CORRUPT', 'a wrong checksum');
  }

  async function* withoutItsThird(source: DigestSource) {
    for await (const run of source.runs()) if (run.first !== 9) yield run;
  }

  it.each([
    ['fail at their end', damagedAtTheEnd, { code: 'BACKUP_CORRUPT' }],
    ['leave a granule out', withoutItsThird, { name: 'RangeError' }],
  ])('takes all back where digests %s', async (_, runs, error) => {
    const image = await LiveImage.with();
    const drive = await image.openDrive(await watchedDevice(now, {}));
    const source = pointOf(then);
    await expect(rescan(drive, { ...source, runs: () => runs(source) })).rejects.toMatchObject(
      error,
    );
    expect(await bitsOf(drive, 'b')).toEqual(ALL);
    expect((await image.found())['b']!.dirty).toEqual(ALL);
    await drive.narrow();
    await drive.close();
    expect((await image.found())['b']!.dirty).toEqual(ALL);
  });
});

it('a rescanned bitmap takes the place of one that records, and of its bits', async () => {
  const image = await LiveImage.with([created('b', { dirty: [0] }), created('c', { dirty: [0] })]);
  const drive = await image.openDrive(await watchedDevice(now, {}));
  await touch(drive, GRANULE);
  await rescan(drive);
  await touch(drive, 7 * GRANULE);
  const written = [GRANULE, 3 * GRANULE, 7 * GRANULE, 15 * GRANULE];
  expect(await bitsOf(drive, 'b')).toEqual(written);
  expect(await bitsOf(drive, 'c')).toEqual([0, GRANULE, 7 * GRANULE]);
  const { b, c } = await image.found();
  expect(b!.dirty).toEqual(expect.arrayContaining(written));
  expect(c!.dirty).toEqual(expect.arrayContaining([0, GRANULE, 7 * GRANULE]));
});
