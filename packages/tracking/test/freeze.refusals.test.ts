import { MemoryDevice } from '@tidemark/block';
import { MemoryDisk, openMemoryStore } from '@tidemark/store-memory';
import { describe, expect, it } from 'vitest';
import { openTrackedDrive } from '../src/index.ts';
import { bitsOf, created, diskWith, GRANULE, openDrive, SIZE, touch } from './support/drives.ts';
import { broken, FailingMarks } from './support/failing-marks.ts';
import { GatedDevice, settle } from './support/gated-device.ts';
import { LiveImage } from './support/live-image.ts';

const [A, B, C] = [0, 4 * GRANULE, 8 * GRANULE];

describe('A18: a frozen bitmap', () => {
  it('is not let go of by a release for one that somebody holds otherwise', async () => {
    const drive = await openDrive({ disks: [await diskWith({ n: {} })] });
    const letGo = await drive.hold('n');
    const busy = { code: 'BITMAP_BUSY' };
    await expect(drive.freeze('n')).rejects.toMatchObject(busy);
    const release = drive.release({ name: 'n', id: 'x', clear: true });
    await expect(release).rejects.toMatchObject(busy);
    letGo();
  });

  it('that does not record has recorded nothing', async () => {
    const disk = await diskWith({ n: { dirty: [A], enabled: false } });
    const drive = await openDrive({ disks: [disk] });
    const id = await drive.freeze('n');
    await touch(drive, B);
    expect(await bitsOf(drive, 'n')).toEqual([A]);
    await drive.release({ name: 'n', id, clear: true });
    await drive.close();
    expect(await disk.dirty('n')).toEqual([]);
  });

  it('stays frozen when its store cannot clear it, and misses nothing', async () => {
    const device = new GatedDevice(SIZE);
    device.isOpen = true;
    const image = await LiveImage.with([created('n', { dirty: [A] })]);
    const drive = await image.openDrive(device);
    const id = await drive.freeze('n');
    await touch(drive, B);
    device.isOpen = false;
    const release = drive.release({ name: 'n', id, clear: true });
    await Promise.all([
      expect(release).rejects.toThrow('the flush failed'),
      settle().then(() => device.fail(new Error('the flush failed'))),
    ]);
    device.open();
    expect(await drive.list()).toMatchObject([{ frozen: id, count: GRANULE }]);
    await touch(drive, C);
    expect((await image.found())['n']!.dirty).toEqual(expect.arrayContaining([A, B, C]));
    await drive.release({ name: 'n', id, clear: true });
    expect(await bitsOf(drive, 'n')).toEqual([B, C]);
  });

  it('is cleared on disk only after a flush of the drive', async () => {
    const device = new GatedDevice(SIZE);
    device.isOpen = true;
    const image = await LiveImage.with([created('n', { dirty: [A] })]);
    const drive = await image.openDrive(device);
    const id = await drive.freeze('n');
    device.isOpen = false;
    const release = drive.release({ name: 'n', id, clear: true });
    await settle();
    expect((await image.found())['n']!.dirty).toContain(A);
    device.open();
    await release;
    expect((await image.found())['n']!.dirty).toEqual([]);
  });

  it('that is given up is frozen no longer, and can be removed', async () => {
    const marks = new FailingMarks();
    const disk = new MemoryDisk(SIZE);
    const drive = await openTrackedDrive({
      device: new MemoryDevice({ size: SIZE }),
      label: 'd0',
      stores: [marks.wrap(await openMemoryStore(disk))],
      writable: true,
      durability: 'live',
      onTrackingError: 'drop',
      marks: { regionSize: 4 * GRANULE },
      select: [{ name: 'n', create: true, granularity: GRANULE }],
    });
    const id = await drive.freeze('n');
    marks.bits = broken();
    await touch(drive, B);
    const release = drive.release({ name: 'n', id, clear: true });
    await expect(release).rejects.toMatchObject({ code: 'BITMAP_INCONSISTENT' });
    expect(await drive.list()).toMatchObject([{ inconsistent: true, busy: false }]);
    await drive.transaction([{ op: 'remove', name: 'n' }]);
  });

  it('of a drive that is open for reading is not cleared', async () => {
    const disk = await diskWith({ n: { dirty: [A] } });
    const drive = await openDrive({ disks: [disk], writable: false });
    const id = await drive.freeze('n');
    const release = drive.release({ name: 'n', id, clear: true });
    await expect(release).rejects.toMatchObject({ code: 'BITMAP_READ_ONLY' });
    await drive.release({ name: 'n', id, clear: false });
  });

  it('is not made of one that is gone or not sound', async () => {
    const disk = await diskWith();
    disk.plant({ name: 'left', inUse: true });
    const drive = await openDrive({ disks: [disk], onWarning: () => {} });
    await expect(drive.freeze('none')).rejects.toMatchObject({ code: 'BITMAP_NOT_FOUND' });
    await expect(drive.freeze('left')).rejects.toMatchObject({ code: 'BITMAP_INCONSISTENT' });
  });
});
