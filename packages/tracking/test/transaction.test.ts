import { MemoryDevice } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { describe, expect, it } from 'vitest';
import { type BitmapAction, runTransaction } from '../src/index.ts';
import { bitsOf, diskWith, openDrive, SIZE, touch } from './support/drives.ts';
import { FaultyDisk } from './support/faulty-disk.ts';

const ABORT: BitmapAction = { op: 'abort', error: new TidemarkError('CANCELLED', 'aborted') };

describe('a transaction', () => {
  it('changes nothing when its last action fails', async () => {
    const disk = await diskWith({ on: { dirty: [0] }, off: { enabled: false, dirty: [4096] } });
    const drive = await openDrive({ disks: [disk] });
    const before = await drive.list();
    const failing = drive.transaction([
      { op: 'clear', name: 'on' },
      { op: 'disable', name: 'on' },
      { op: 'merge', target: 'off', sources: ['on'] },
      { op: 'add', name: 'new', persistent: true },
      { op: 'remove', name: 'off' },
      ABORT,
    ]);
    await expect(failing).rejects.toThrow('aborted');
    expect(await drive.list()).toEqual(before);
    expect(await disk.found()).toEqual({ on: 'inconsistent', off: 'stored' });
    await touch(drive, 8192);
    expect(await bitsOf(drive, 'on')).toEqual([0, 8192]);
  });

  it('lets later actions see what earlier ones did', async () => {
    const disk = await diskWith({ a: { dirty: [0] }, b: { dirty: [4096] } });
    const drive = await openDrive({ disks: [disk] });
    await drive.transaction([
      { op: 'merge', target: 'b', sources: ['a'] },
      { op: 'clear', name: 'a' },
      { op: 'add', name: 'c', persistent: true },
      { op: 'merge', target: 'c', sources: ['a', 'b'] },
      { op: 'merge', target: 'a', sources: ['a'] },
    ]);
    expect(await bitsOf(drive, 'a')).toEqual([]);
    expect(await bitsOf(drive, 'b')).toEqual([0, 4096]);
    expect(await bitsOf(drive, 'c')).toEqual([0, 4096]);
  });

  it('takes one bitmap several times', async () => {
    const disk = await diskWith({ a: { dirty: [0] } });
    const drive = await openDrive({ disks: [disk] });
    await drive.transaction([
      { op: 'clear', name: 'a' },
      { op: 'disable', name: 'a' },
      { op: 'clear', name: 'a' },
      { op: 'enable', name: 'a' },
      { op: 'enable', name: 'a' },
    ]);
    await touch(drive, 4096);
    await drive.close();
    expect(await disk.dirty('a')).toEqual([4096]);
  });

  it.each<[string, BitmapAction[], string]>([
    [
      'remove and add',
      [
        { op: 'remove', name: 'a' },
        { op: 'add', name: 'a' },
      ],
      'BITMAP_EXISTS',
    ],
    [
      'remove and clear',
      [
        { op: 'remove', name: 'a' },
        { op: 'clear', name: 'a' },
      ],
      'BITMAP_BUSY',
    ],
    [
      'remove and remove',
      [
        { op: 'remove', name: 'a' },
        { op: 'remove', name: 'a' },
      ],
      'BITMAP_BUSY',
    ],
    [
      'remove and merge from',
      [
        { op: 'remove', name: 'a' },
        { op: 'merge', target: 'b', sources: ['a'] },
      ],
      'BITMAP_BUSY',
    ],
    [
      'add and add',
      [
        { op: 'add', name: 'c' },
        { op: 'add', name: 'c' },
      ],
      'BITMAP_EXISTS',
    ],
    ['change of nothing', [{ op: 'clear', name: 'none' }], 'BITMAP_NOT_FOUND'],
  ])('refuses to %s, as QEMU does', async (_, actions, code) => {
    const disk = await diskWith({ a: {}, b: {} });
    const drive = await openDrive({ disks: [disk], transient: new FaultyDisk(disk.diskSize) });
    await expect(drive.transaction(actions)).rejects.toMatchObject({ code });
    expect((await drive.list()).map(({ name }) => name)).toEqual(['b', 'a']);
  });

  it('may add and remove a bitmap, which no store hears of', async () => {
    const disk = await diskWith({ a: {} });
    const drive = await openDrive({ disks: [disk] });
    disk.outcomes.push('before');
    await drive.transaction([
      { op: 'add', name: 'c', persistent: true },
      { op: 'merge', target: 'c', sources: ['a'] },
      { op: 'remove', name: 'c' },
    ]);
    expect(disk.outcomes).toEqual(['before']);
  });

  it('refuses to merge bitmaps of disks of different sizes', async () => {
    const drive = await openDrive({ disks: [await diskWith({ a: {} })] });
    const larger = new FaultyDisk(2 * SIZE);
    larger.plant({ name: 'b' });
    const device = new MemoryDevice({ size: 2 * SIZE });
    const other = await openDrive({ disks: [larger], device });
    const source = { drive: other, name: 'b' };
    const merge = drive.transaction([{ op: 'merge', target: 'a', sources: [source] }]);
    await expect(merge).rejects.toMatchObject({ code: 'BITMAP_INVALID' });
  });

  it('changes only what is sound, and removes what is inconsistent or unsupported', async () => {
    const disk = await diskWith({ a: {} });
    disk.plant({ name: 'left', inUse: true });
    disk.plant({ name: 'odd', enabled: false, unsupported: 'is odd' });
    const drive = await openDrive({ disks: [disk] });
    for (const [name, code] of [
      ['left', 'BITMAP_INCONSISTENT'],
      ['odd', 'BITMAP_UNSUPPORTED'],
    ]) {
      const refused = { code };
      const clear = drive.transaction([{ op: 'clear', name: name! }]);
      await expect(clear).rejects.toMatchObject(refused);
      const merge = drive.transaction([{ op: 'merge', target: 'a', sources: [name!] }]);
      await expect(merge).rejects.toMatchObject(refused);
      await drive.transaction([{ op: 'remove', name: name! }]);
    }
    await drive.close();
    expect(await disk.found()).toEqual({ a: 'stored' });
  });

  it('does not wait for another one over the same drives for ever', async () => {
    const drives = [
      await openDrive({ disks: [await diskWith({ a: {} })] }),
      await openDrive({ disks: [await diskWith({ a: {} })] }),
    ];
    const clear = drives.map((drive) => ({ drive, action: { op: 'clear', name: 'a' } as const }));
    const all = [clear, clear.toReversed(), clear].map((actions) => runTransaction(actions));
    await expect(Promise.all(all)).resolves.toHaveLength(3);
  });
});

describe('a transaction whose store fails', () => {
  it.each(['before', 'after'] as const)(
    'leaves the drive recording as it did; on disk nothing is clean (%s)',
    async (outcome) => {
      const disk = await diskWith({ a: { dirty: [0] } });
      const drive = await openDrive({ disks: [disk] });
      disk.outcomes.push(outcome);
      const failing = drive.transaction([
        { op: 'clear', name: 'a' },
        { op: 'add', name: 'b', persistent: true },
      ]);
      await expect(failing).rejects.toMatchObject({ code: 'IO_FAILED' });
      await touch(drive, 4096);
      expect(await bitsOf(drive, 'a')).toEqual([0, 4096]);
      await expect(drive.close()).rejects.toMatchObject({ code: 'STORE_FAILED' });
      expect(Object.values(await disk.found())).not.toContain('stored');
    },
  );

  it('leaves a bitmap that it took in use to the close of the drive', async () => {
    const disk = await diskWith({ a: {}, off: { enabled: false, dirty: [4096] } });
    const transient = await diskWith();
    const drive = await openDrive({ disks: [disk], transient });
    transient.outcomes.push('before');
    disk.outcomes.push('done', 'after');
    const failing = drive.transaction([
      { op: 'clear', name: 'off' },
      { op: 'add', name: 't' },
    ]);
    await expect(failing).rejects.toMatchObject({ code: 'IO_FAILED' });
    expect(await bitsOf(drive, 'off')).toEqual([4096]);
    await expect(drive.close()).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });

  it('puts back what it had taken in use when it cannot take the rest', async () => {
    const off = { enabled: false, dirty: [4096] };
    const [first, second] = [await diskWith({ a: off }), await diskWith({ b: off })];
    const drive = await openDrive({ disks: [first, second] });
    second.unreadable.add('b');
    const failing = drive.transaction([
      { op: 'enable', name: 'a' },
      { op: 'enable', name: 'b' },
    ]);
    await expect(failing).rejects.toMatchObject({ code: 'IO_FAILED' });
    expect(await first.found()).toEqual({ a: 'stored' });
    expect(await first.dirty('a')).toEqual([4096]);
  });
});
