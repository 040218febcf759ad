import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { openMemoryStore, MemoryDisk } from '@tidemark/store-memory';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openTrackedDrive } from '../src/index.ts';
import { CHECKPOINT, pointOf } from './support/points.ts';

/** Bytes: a unit of content, the smallest granule. */
const UNIT = 512;

/** What each unit of a disk holds, the last of which is cut. */
const units = (count: number) =>
  fc.array(fc.integer({ min: 0, max: 2 }), { minLength: count, maxLength: count });

const shapes = fc.integer({ min: 1, max: 40 }).chain((count) =>
  fc.record({
    size: fc.integer({ min: 1, max: UNIT }).map((tail) => (count - 1) * UNIT + tail),
    before: units(count),
    now: units(count),
    sourceGranularity: fc.constantFrom(512, 1024, 4096),
    granularity: fc.constantFrom(512, 2048, 8192, 65_536),
    batchSize: fc.constantFrom(1, 4096, 1 << 20),
  }),
);

function contentOf(values: readonly number[], size: number): Uint8Array {
  const bytes = new Uint8Array(values.length * UNIT);
  for (const [unit, value] of values.entries()) bytes.fill(value, unit * UNIT, (unit + 1) * UNIT);
  return bytes.subarray(0, size);
}

class CountingDevice extends MemoryDevice {
  bytesRead = 0;

  override async read(target: Uint8Array, offset: number): Promise<void> {
    this.bytesRead += target.length;
    await super.read(target, offset);
  }
}

/** The granules of the bitmap that touch a granule of the source which differs. */
function expected(shape: {
  readonly size: number;
  readonly before: Uint8Array;
  readonly now: Uint8Array;
  readonly sourceGranularity: number;
  readonly granularity: number;
}): DirtyBitmap {
  const bitmap = new DirtyBitmap(shape.size, shape.granularity);
  for (let at = 0; at < shape.size; at++) {
    if (shape.before[at] === shape.now[at]) continue;
    const first = at - (at % shape.sourceGranularity);
    const length = Math.min(shape.sourceGranularity, shape.size - first);
    bitmap.set(first, length);
  }
  return bitmap;
}

it('a rescan ends with exactly the granules that differ, whatever the granularities', async () => {
  await fc.assert(
    fc.asyncProperty(shapes, async ({ size, batchSize, granularity, ...shape }) => {
      const before = contentOf(shape.before, size);
      const now = contentOf(shape.now, size);
      const device = new MemoryDevice({ size });
      // Zeros are left out, so that the device knows some of them without a read.
      for (let at = 0; at < size; at += UNIT) {
        const unit = now.subarray(at, at + UNIT);
        if (unit[0] !== 0) await device.write(unit, at);
      }
      const store = await openMemoryStore(new MemoryDisk(size));
      const drive = await openTrackedDrive({ device, label: 'd', stores: [store], writable: true });
      const { sourceGranularity } = shape;
      const source = pointOf(before, { granularity: sourceGranularity });
      const { done, total, clean, dirty } = await drive.rescan({
        name: 'b',
        source,
        granularity,
        batchSize,
      });
      const found = drive.bitmap('b')!;
      const wanted = expected({ size, before, now, sourceGranularity, granularity });
      expect([...found.extents()]).toEqual([...wanted.extents()]);
      expect([done, total, clean + dirty]).toEqual([size, size, size]);
      expect(dirty === 0).toBe(wanted.count === 0);
      await drive.close();
    }),
  );
});

it('a rescan by a trusted bitmap ends with the same, and reads no more than that calls dirty', async () => {
  const trusting = shapes.chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      // What the drive held when the trusted bitmap began.
      began: units(shape.now.length),
      tooMuch: fc.array(fc.boolean(), { minLength: shape.now.length, maxLength: shape.now.length }),
      trustedGranularity: fc.constantFrom(512, 4096),
      isItself: fc.boolean(),
    }),
  );
  await fc.assert(
    fc.asyncProperty(trusting, async ({ shape, began: values, tooMuch, ...trusted }) => {
      const { size, granularity, batchSize, sourceGranularity } = shape;
      const [before, began] = [contentOf(shape.before, size), contentOf(values, size)];
      const now = contentOf(shape.now, size);
      const content = new DirtyBitmap(size, trusted.trustedGranularity);
      const differing = new DirtyBitmap(size, sourceGranularity);
      for (let unit = 0; unit * UNIT < size; unit++) {
        const [at, length] = [unit * UNIT, Math.min(UNIT, size - unit * UNIT)];
        if (values[unit] !== shape.now[unit] || tooMuch[unit]) content.set(at, length);
        if (before[at] !== began[at]) differing.set(at, length);
      }
      const device = new CountingDevice({ size });
      await device.write(now, 0);
      const store = await openMemoryStore(new MemoryDisk(size));
      const name = trusted.isItself ? 'b' : 'other';
      const checkpoint = 'f'.repeat(32);
      await store.commit([{ op: 'create', name, enabled: true, content, checkpoint }]);
      const drive = await openTrackedDrive({ device, label: 'd', stores: [store], writable: true });
      const running = await drive.beginRescan({
        name: 'b',
        source: pointOf(before, { granularity: sourceGranularity }),
        granularity,
        batchSize,
        trusted: { name, checkpoint, differing },
      });
      expect(running.trusts).toBe(name);
      const { known, clean, dirty } = await running.finished;
      const wanted = expected({ size, before, now, sourceGranularity, granularity });
      expect([...drive.bitmap('b')!.extents()]).toEqual([...wanted.extents()]);
      expect(clean + dirty).toBe(size);
      expect(device.bytesRead).toBeLessThanOrEqual(size - known);
      await drive.close();
    }),
  );
});

it('a bitmap after a rescan has the checkpoint of the point that was compared', async () => {
  const disk = new MemoryDisk(4096);
  const device = new MemoryDevice({ size: 4096 });
  const drive = await openTrackedDrive({
    device,
    label: 'd',
    stores: [await openMemoryStore(disk)],
    writable: true,
  });
  await drive.rescan({ name: 'b', source: pointOf(new Uint8Array(4096)) });
  await drive.close();
  const [info] = await (await openMemoryStore(disk)).list();
  expect(info).toMatchObject({ name: 'b', enabled: true, state: 'stored', checkpoint: CHECKPOINT });
});
