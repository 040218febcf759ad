import { MemoryDevice } from '@tidemark/block';
import { describe, expect, it } from 'vitest';
import type { RescanOptions } from '../src/index.ts';
import { bitsOf, diskWith, GRANULE, openDrive, SIZE, touch } from './support/drives.ts';
import { FaultyDisk } from './support/faulty-disk.ts';
import { CHECKPOINT, pointOf } from './support/points.ts';

const ALL = Array.from({ length: SIZE / GRANULE }, (_, granule) => granule * GRANULE);
const options: RescanOptions = { name: 'b', source: pointOf(new Uint8Array(SIZE)) };

async function brokenDisk(): Promise<FaultyDisk> {
  const disk = new FaultyDisk(SIZE);
  disk.plant({ name: 'a' });
  disk.plant({ name: 'b', inUse: true, granularity: 2 * GRANULE });
  return disk;
}

describe('an inconsistent bitmap', () => {
  it('is brought back by a rescan, with its granularity, and stored at the end', async () => {
    const disk = await brokenDisk();
    const drive = await openDrive({ disks: [disk], onWarning: () => {} });
    await touch(drive, 4 * GRANULE);
    await drive.rescan(options);
    const infos = await drive.list();
    expect(infos.find(({ name }) => name === 'b')).toMatchObject({
      granularity: 2 * GRANULE,
      recording: true,
      persistent: true,
      inconsistent: false,
      busy: false,
    });
    await touch(drive, 9 * GRANULE);
    await drive.close();
    expect(await disk.dirty('b')).toEqual([4 * GRANULE, 8 * GRANULE]);
    const store = await disk.open();
    const [, b] = await store.list();
    expect(b).toMatchObject({ name: 'b', checkpoint: CHECKPOINT, enabled: true });
  });

  it('is inconsistent again after a crash, where bitmaps are stored at the end', async () => {
    const disk = await brokenDisk();
    const drive = await openDrive({ disks: [disk], onWarning: () => {} });
    await drive.rescan(options);
    expect(await disk.found()).toEqual({ a: 'inconsistent', b: 'inconsistent' });
  });

  it('stays as it is when the new one cannot be put in its place', async () => {
    const disk = await brokenDisk();
    const drive = await openDrive({ disks: [disk], onWarning: () => {} });
    disk.outcomes.push('before');
    await expect(drive.rescan(options)).rejects.toMatchObject({ code: 'IO_FAILED' });
    const infos = await drive.list();
    expect(infos.find(({ name }) => name === 'b')).toMatchObject({
      inconsistent: true,
      busy: false,
    });
  });
});

describe('a bitmap under rescan', () => {
  it('is busy until its end, and then is not', async () => {
    const drive = await openDrive({ disks: [await diskWith({ b: { dirty: [0] } })] });
    const { finished } = await drive.beginRescan(options);
    const busy = { code: 'BITMAP_BUSY' };
    await expect(drive.beginRescan(options)).rejects.toMatchObject(busy);
    await expect(drive.transaction([{ op: 'clear', name: 'b' }])).rejects.toMatchObject(busy);
    await finished;
    await drive.transaction([{ op: 'clear', name: 'b' }]);
  });

  it('is not begun while somebody holds it', async () => {
    const drive = await openDrive({ disks: [await diskWith({ b: { dirty: [0] } })] });
    const release = await drive.hold('b');
    await expect(drive.rescan(options)).rejects.toMatchObject({ code: 'BITMAP_BUSY' });
    expect(await bitsOf(drive, 'b')).toEqual([0]);
    release();
    await drive.rescan(options);
    expect(await bitsOf(drive, 'b')).toEqual([]);
  });

  it('tells how far it is', async () => {
    const content = new Uint8Array(SIZE).fill(1, 0, 5 * GRANULE);
    const drive = await openDrive({ disks: [await diskWith()] });
    const told: number[][] = [];
    const running = await drive.beginRescan({
      name: 'b',
      source: pointOf(content),
      onProgress: ({ done, clean, dirty }) => told.push([done, clean, dirty]),
    });
    expect(running.progress).toEqual({ done: 0, total: SIZE, clean: 0, dirty: 0, known: 0 });
    const last = { done: SIZE, total: SIZE, clean: 11 * GRANULE, dirty: 5 * GRANULE, known: 0 };
    expect(await running.finished).toEqual(last);
    expect(told.at(-1)).toEqual([SIZE, 11 * GRANULE, 5 * GRANULE]);
    expect(told.length).toBe(SIZE / GRANULE);
  });
});

describe('a rescan is refused, and changes nothing,', () => {
  it('of a drive of another size', async () => {
    const disk = await diskWith({ b: { dirty: [0] } });
    const drive = await openDrive({ disks: [disk] });
    const source = pointOf(new Uint8Array(SIZE - GRANULE));
    const refused = drive.rescan({ name: 'b', source });
    await expect(refused).rejects.toMatchObject({ code: 'BACKUP_DRIVE_MISMATCH' });
    expect(await bitsOf(drive, 'b')).toEqual([0]);
  });

  it('of bitmaps that are not kept, and of kinds that are not known', async () => {
    const disk = new FaultyDisk(SIZE);
    disk.plant({ name: 'odd', enabled: false, unsupported: 'a kind of the future' });
    const transient = await diskWith();
    const drive = await openDrive({ disks: [disk], transient, onWarning: () => {} });
    await drive.transaction([{ op: 'add', name: 'b' }]);
    const unsupported = { code: 'BITMAP_UNSUPPORTED' };
    await expect(drive.rescan(options)).rejects.toMatchObject(unsupported);
    await expect(drive.rescan({ ...options, name: 'odd' })).rejects.toMatchObject(unsupported);
    const alone = await openDrive({ transient: await diskWith() });
    await expect(alone.rescan(options)).rejects.toMatchObject(unsupported);
  });

  it('of a drive that is open for reading', async () => {
    const device = new MemoryDevice({ size: SIZE });
    const drive = await openDrive({ device, disks: [await diskWith()], writable: false });
    await expect(drive.rescan(options)).rejects.toMatchObject({ code: 'STORE_READ_ONLY' });
  });

  it('with a granularity, or a checkpoint, that is none', async () => {
    const disk = await diskWith({ b: { dirty: ALL } });
    const drive = await openDrive({ disks: [disk] });
    const invalid = { code: 'BITMAP_INVALID' };
    await expect(drive.rescan({ ...options, granularity: 1000 })).rejects.toMatchObject(invalid);
    const source = pointOf(new Uint8Array(SIZE), { checkpoint: 'none' });
    await expect(drive.rescan({ name: 'b', source })).rejects.toMatchObject(invalid);
    expect(await bitsOf(drive, 'b')).toEqual(ALL);
  });
});
