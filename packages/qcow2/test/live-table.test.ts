import { MemoryDevice } from '@tidemark/block';
import { RecordingDevice } from '@tidemark/block/testing';
import { TidemarkError } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { BitmapDirectory, createQcow2, openQcow2 } from '../src/index.ts';
import { BitmapDirectoryEntry } from '../src/bitmaps/spec.ts';
import { bitmapOf, newBitmaps, openBitmaps, put } from './support/bitmaps.ts';
import { checkImage } from './support/check-image.ts';
import { placesIn, twoBitmaps } from './support/malformed-bitmaps.ts';
import { powerCuts } from './support/power-cuts.ts';
import { TestDevice } from './support/test-device.ts';
import { randomOf } from './support/workload.ts';

const CLUSTER = 512;
/** Six clusters of bits, at 512 bytes to a bit. */
const SIZE = 6 * CLUSTER * 8 * 512;
const BYTES = 6 * CLUSTER;

/** Bits that are only ever set, in place, with a sync now and then. */
async function recordMarks(seed: number) {
  const memory = new MemoryDevice({ size: 0 });
  await createQcow2(memory, { size: SIZE, clusterSize: CLUSTER, refcountBits: 8 });
  const device = await RecordingDevice.startOn(memory);
  const image = await openQcow2(device, { writable: true });
  const directory = await BitmapDirectory.open({ image: image.metadata });
  const dirty = [[0, SIZE / 3]] as const;
  await put({ directory }, 'live', bitmapOf(SIZE, { granularity: 512, dirty }));
  const model = new Uint8Array(BYTES).fill(0xff, 0, BYTES / 3);
  const start = device.events.length;
  const live = await directory.openLive('live');
  const random = randomOf(seed);
  const synced: { count: number; bits: Uint8Array }[] = [{ count: start, bits: model.slice() }];
  for (let step = 0; step < 30; step++) {
    const at = random(BYTES - 8);
    for (let i = 0; i < 8; i++) model[at + i] = model[at + i]! | random(256);
    await live.write(model.slice(at, at + 8), at);
    if (random(3) > 0) continue;
    await image.metadata.sync();
    synced.push({ count: device.events.length, bits: model.slice() });
  }
  return { device, start, synced, last: model };
}

describe('bits that are written in place', () => {
  it('are on disk after a power cut once they were synced, and none that was not set', async () => {
    const { device, start, synced, last } = await recordMarks(6);
    for await (const { bytes, count, name } of powerCuts(device, { seed: 6, torn: 3 })) {
      if (count < start) continue;
      expect({ name, found: checkImage(bytes).corruptions }).toEqual({ name, found: [] });
      const { directory } = await openBitmaps(bytes, { writable: false });
      const found = new Uint8Array(BYTES);
      (await directory.readContent('live')).serialize(found, 0);
      const durable = synced.findLast((state) => state.count <= count)!.bits;
      const wrong = found.findIndex(
        (byte, i) => (byte & durable[i]!) !== durable[i] || (byte | last[i]!) !== last[i],
      );
      expect({ name, wrong }).toEqual({ name, wrong: -1 });
    }
  });

  it('A15: become all ones where there is no room for them, until there is', async () => {
    const device = new TestDevice({ bytes: await twoBitmaps(), fixed: true });
    const image = await openQcow2(device, { writable: true });
    const directory = await BitmapDirectory.open({ image: image.metadata });
    await put({ directory }, 'empty', bitmapOf(image.size, { granularity: 4096 }));
    const live = await directory.openLive('empty');
    const tooMuch = image.write(new Uint8Array(2 ** 20).fill(1), 0);
    await expect(tooMuch).rejects.toMatchObject({ code: 'NO_SPACE' });
    await image.flush();
    for (let cluster = 0; cluster < 32; cluster++) {
      await image.write(new Uint8Array(4096), cluster * 4096).catch(() => undefined);
    }
    await expect(image.metadata.allocate(1)).rejects.toMatchObject({ code: 'NO_SPACE' });

    const bits = async () => (await directory.readContent('empty')).dirtyBytes;
    expect(await live.write(Uint8Array.of(1), 0)).toEqual({ at: 0, length: 4096 });
    expect(await bits()).toBe(image.size);
    expect(await live.write(Uint8Array.of(1), 1)).toEqual({ at: 0, length: 4096 });
    // Cluster by cluster, a table of refcounts included.
    await image.discard(0, image.size);
    await image.flush();
    const newest = (target: Uint8Array) => target.set([1, 1, 4]);
    expect(await live.write(Uint8Array.of(1), 1, newest)).toBeUndefined();
    expect(await bits()).toBe(3 * 4096);
    await image.close();
    expect(checkImage(device.bytes).corruptions).toEqual([]);
  });

  it('get a cluster as soon as there is room, also where all that is written is ones', async () => {
    const opened = await newBitmaps({ size: SIZE, clusterSize: 4096, refcountBits: 8 });
    const { device, directory } = opened;
    await put(opened, 'live', bitmapOf(SIZE, { granularity: 512 }));
    const live = await directory.openLive('live');
    const newest = (target: Uint8Array) => target.fill(0xff, 0, 512);
    const error = new TidemarkError('NO_SPACE', 'the disk is full');
    device.failNext = { op: 'write', error };
    const ones = new Uint8Array(512).fill(0xff);
    expect(await live.write(ones, 0, newest)).toEqual({ at: 0, length: 4096 });
    expect(await live.write(ones, 0, newest)).toBeUndefined();
    expect((await directory.readContent('live')).dirtyBytes).toBe(512 * 8 * 512);
  });

  it.each<[string, (places: ReturnType<typeof placesIn>) => void, RegExp]>([
    [
      'an entry behind the end of the file',
      ({ view, table }) => view.setBigUint64(table, 1n << 50n),
      /and the file ends at/u,
    ],
    [
      'fewer entries than the disk needs, found in use',
      ({ view, one }) => {
        view.setUint32(one + BitmapDirectoryEntry.offsetOf.flags, 3);
        view.setUint8(one + BitmapDirectoryEntry.offsetOf.granularityBits, 9);
      },
      /has 1 entries, and a disk of 20971520 bytes needs 2/u,
    ],
  ])('are not written where the table has %s', async (_, change, message) => {
    const bytes = await twoBitmaps();
    change(placesIn(bytes));
    const { directory, device } = await openBitmaps(bytes);
    const open = directory.openLive('one');
    await expect(open).rejects.toThrow(message);
    expect(device.log).toEqual([]);
  });
});
