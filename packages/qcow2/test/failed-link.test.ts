import { MemoryDevice } from '@tidemark/block';
import { type Fault, FaultDevice, RecordingDevice } from '@tidemark/block/testing';
import { expect, it } from 'vitest';
import { BitmapDirectory, createQcow2, openQcow2 } from '../src/index.ts';
import { bitmapOf, openBitmaps, put } from './support/bitmaps.ts';
import { checkImage } from './support/check-image.ts';

const CLUSTER = 512;
/** Two clusters of bits, at 512 bytes to a bit. */
const SIZE = 2 * CLUSTER * 8 * 512;

/** Marks a bit of a clean bitmap, again and again until that can be done. */
async function markOn(faults: readonly Fault[]) {
  const file = new MemoryDevice({ size: 0 });
  file.close = async () => {};
  await createQcow2(file, { size: SIZE, clusterSize: CLUSTER, refcountBits: 8 });
  const device = await RecordingDevice.startOn(new FaultDevice(file, faults));
  const image = await openQcow2(device, { writable: true });
  const directory = await BitmapDirectory.open({ image: image.metadata });
  await put({ directory }, 'a', bitmapOf(SIZE, { granularity: 512 }));
  const live = await directory.openLive('a');
  const changeCount = () => device.events.filter(({ op }) => op !== 'flush').length;
  const first = changeCount();
  let failures = 0;
  const mark = () => live.write(Uint8Array.of(1), 0, (target) => target.set([1]));
  for (let found = await tried(mark); found !== undefined; found = await tried(mark)) failures++;
  const count = changeCount() - first;
  await image.close();
  const bytes = new Uint8Array(file.size);
  await file.read(bytes, 0);
  return { bytes, failures, first, count };
}

/** What was wrong with it: that it failed, or that it had no room. */
async function tried(mark: () => Promise<unknown>): Promise<unknown> {
  return mark().catch((error: unknown) => error);
}

it('takes one cluster for a mark, however often and wherever it fails before', async () => {
  const { first, count } = await markOn([]);
  // The content, its count, and the entry that links to it.
  expect(count).toBeGreaterThanOrEqual(3);
  for (const code of ['NO_SPACE', 'IO_FAILED'] as const) {
    for (let nth = first; nth < first + count; nth++) {
      for (const times of [1, 4]) {
        const fault = { kind: 'fail', on: 'change', nth, times, code } as const;
        const { bytes, failures } = await markOn([fault]);
        expect(failures).toBeGreaterThan(0);
        const { corruptions, leaks } = checkImage(bytes);
        const { directory } = await openBitmaps(bytes);
        const { dirtyBytes } = await directory.readContent('a');
        const found = { code, nth, times, corruptions, leaks, dirtyBytes };
        expect(found).toEqual({ code, nth, times, corruptions: [], leaks: 0, dirtyBytes: 512 });
      }
    }
  }
});
