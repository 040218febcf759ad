import { describe, expect, it } from 'vitest';
import { diskWith, openDrive } from './support/drives.ts';

describe('TrackedDrive.hold', () => {
  it('keeps a bitmap from being changed, read by others and removed until it is let go', async () => {
    const drive = await openDrive({ disks: [await diskWith({ a: {}, b: {} })] });
    const release = await drive.hold('a');
    const busy = { code: 'BITMAP_BUSY' };
    for (const op of ['clear', 'enable', 'disable', 'remove'] as const) {
      await expect(drive.transaction([{ op, name: 'a' }])).rejects.toMatchObject(busy);
    }
    const merge = drive.transaction([{ op: 'merge', target: 'b', sources: ['a'] }]);
    await expect(merge).rejects.toMatchObject(busy);
    await expect(drive.hold('a')).rejects.toMatchObject(busy);
    expect(await drive.list()).toMatchObject([
      { name: 'b', busy: false },
      { name: 'a', busy: true },
    ]);
    release();
    await drive.transaction([{ op: 'clear', name: 'a' }]);
  });

  it('is not ended by an earlier holder who lets go twice', async () => {
    const drive = await openDrive({ disks: [await diskWith({ a: {} })] });
    const first = await drive.hold('a');
    first();
    const second = await drive.hold('a');
    first();
    const clear = drive.transaction([{ op: 'clear', name: 'a' }]);
    await expect(clear).rejects.toMatchObject({ code: 'BITMAP_BUSY' });
    second();
    await drive.transaction([{ op: 'clear', name: 'a' }]);
  });

  it('is refused for a bitmap that is not there or not sound', async () => {
    const disk = await diskWith();
    disk.plant({ name: 'left', inUse: true });
    const drive = await openDrive({ disks: [disk] });
    await expect(drive.hold('none')).rejects.toMatchObject({ code: 'BITMAP_NOT_FOUND' });
    await expect(drive.hold('left')).rejects.toMatchObject({ code: 'BITMAP_INCONSISTENT' });
  });
});
