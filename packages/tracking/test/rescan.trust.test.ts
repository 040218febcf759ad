import { MemoryDevice } from '@tidemark/block';
import { describe, expect, it } from 'vitest';
import type { RescanOptions } from '../src/index.ts';
import { bitsOf, created, GRANULE, openDrive, SIZE, touch } from './support/drives.ts';
import { FaultyDisk } from './support/faulty-disk.ts';
import { pointOf } from './support/points.ts';

const BEGAN = 'ab'.repeat(16);
const ALL = Array.from({ length: SIZE / GRANULE }, (_, granule) => granule * GRANULE);

/** A drive of ones, whose restore point was zeros: whatever is read differs. */
async function makeDrive({ enabled = true, inUse = false, checkpoint = BEGAN } = {}) {
  const disk = new FaultyDisk(SIZE);
  if (inUse) disk.plant({ name: 'other', inUse: true, granularity: GRANULE });
  else {
    await using store = await disk.open();
    await store.commit([{ ...created('other', { enabled, dirty: [0] }), checkpoint }]);
  }
  const device = new MemoryDevice({ size: SIZE });
  await device.write(new Uint8Array(SIZE).fill(1), 0);
  return { disk, device, drive: await openDrive({ device, disks: [disk], onWarning: () => {} }) };
}

const options: RescanOptions = {
  name: 'b',
  source: pointOf(new Uint8Array(SIZE)),
  trusted: { name: 'other', checkpoint: BEGAN },
  batchSize: 4 * GRANULE,
};

describe('a bitmap that is trusted by a rescan', () => {
  it('has most of the drive not read', async () => {
    const { drive } = await makeDrive();
    const { trusts, finished } = await drive.beginRescan(options);
    expect(trusts).toBe('other');
    expect(await finished).toMatchObject({ dirty: GRANULE, known: SIZE - GRANULE });
    expect(await bitsOf(drive, 'b')).toEqual([0]);
  });

  it.each([
    ['began at another instant', { checkpoint: 'cd'.repeat(16) }],
    ['is disabled', { enabled: false }],
    ['is inconsistent', { inUse: true }],
  ])('is not, where it %s', async (_, shape) => {
    const { drive } = await makeDrive(shape);
    const { trusts, finished } = await drive.beginRescan(options);
    expect(trusts).toBe(undefined);
    expect(await finished).toMatchObject({ known: 0, dirty: SIZE });
    expect(await bitsOf(drive, 'b')).toEqual(ALL);
  });

  it('is not, where it was cleared since, or is not there', async () => {
    const { drive } = await makeDrive();
    await drive.transaction([{ op: 'clear', name: 'other' }]);
    expect((await drive.beginRescan(options)).trusts).toBe(undefined);
    const missing = { ...options, name: 'c', trusted: { name: 'none', checkpoint: BEGAN } };
    expect((await drive.beginRescan(missing)).trusts).toBe(undefined);
  });

  it('may have its checkpoint in its name alone, where the caller knows that', async () => {
    const { drive } = await makeDrive();
    const trusted = { name: 'other', checkpoint: undefined };
    // It has one, and another one than that.
    expect((await drive.beginRescan({ ...options, trusted })).trusts).toBe(undefined);
  });

  it.each(['b', 'other'])('misses nothing that is written while bitmap %s comes', async (name) => {
    const { drive } = await makeDrive();
    const writes: Promise<void>[] = [];
    const written = [3, 5, 6, 9, 12, 15].map((granule) => granule * GRANULE);
    const begun = drive.beginRescan({
      ...options,
      name,
      onProgress: () => void writes.push(touch(drive, 15 * GRANULE)),
    });
    for (const offset of written.slice(0, -1)) {
      writes.push(touch(drive, offset));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await (
      await begun
    ).finished;
    await Promise.all(writes);
    expect(await bitsOf(drive, name)).toEqual([0, ...written]);
  });
});
