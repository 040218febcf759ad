import { describe, expect, it } from 'vitest';
import { type BitmapAction, runTransaction } from '../src/index.ts';
import { bitsOf, diskWith, openDrive, SIZE, touch } from './support/drives.ts';
import { GatedDevice, settle } from './support/gated-device.ts';

// A write that is under way when an epoch begins may reach the disk before or after: it counts for
// the epoch that ends and for the one that begins.
describe('a write under way', () => {
  async function withWriteUnderWay(bitmaps: Parameters<typeof diskWith>[0]) {
    const device = new GatedDevice(SIZE);
    const disk = await diskWith(bitmaps);
    const drive = await openDrive({ device, disks: [disk] });
    const write = touch(drive, 4096);
    await settle();
    const finish = async () => {
      await device.pass();
      await write;
      device.isOpen = true;
    };
    return { disk, drive, finish };
  }

  const cases: Record<string, { readonly actions: readonly BitmapAction[]; counts: string[] }> = {
    'a clear': { actions: [{ op: 'clear', name: 'on' }], counts: ['on'] },
    'an add': { actions: [{ op: 'add', name: 'new', persistent: true }], counts: ['on', 'new'] },
    'an enable': { actions: [{ op: 'enable', name: 'off' }], counts: ['on', 'off'] },
    'a disable': { actions: [{ op: 'disable', name: 'on' }], counts: ['on'] },
    'a merge': {
      actions: [{ op: 'merge', target: 'off', sources: ['on'] }],
      counts: ['on', 'off'],
    },
    'a rotation': {
      actions: [
        { op: 'disable', name: 'on' },
        { op: 'add', name: 'new', persistent: true },
      ],
      counts: ['on', 'new'],
    },
    'a hand-over': {
      actions: [
        { op: 'add', name: 'new', persistent: true, disabled: true },
        { op: 'merge', target: 'new', sources: ['on'] },
        { op: 'clear', name: 'on' },
      ],
      counts: ['on', 'new'],
    },
    'a clear of what then goes on': {
      actions: [
        { op: 'disable', name: 'on' },
        { op: 'clear', name: 'on' },
        { op: 'enable', name: 'on' },
      ],
      counts: ['on'],
    },
  };

  it.each(Object.entries(cases))('counts after %s', async (_, { actions, counts }) => {
    const { disk, drive, finish } = await withWriteUnderWay({ on: {}, off: { enabled: false } });
    await drive.transaction(actions);
    await finish();
    await drive.close();
    for (const name of counts) expect([name, await disk.dirty(name)]).toEqual([name, [4096]]);
  });

  it('does not count once it is over', async () => {
    const { disk, drive, finish } = await withWriteUnderWay({ on: {} });
    await finish();
    await drive.transaction([{ op: 'clear', name: 'on' }]);
    await drive.close();
    expect(await disk.dirty('on')).toEqual([]);
  });

  it('counts for a bitmap of another drive that it is merged into', async () => {
    const { drive, finish } = await withWriteUnderWay({ on: {} });
    const otherDisk = await diskWith({ sum: { enabled: false, dirty: [0] } });
    const other = await openDrive({ disks: [otherDisk], label: 'd1' });
    await other.transaction([{ op: 'merge', target: 'sum', sources: [{ drive, name: 'on' }] }]);
    await finish();
    await other.close();
    expect(await otherDisk.dirty('sum')).toEqual([0, 4096]);
  });
});

// The stores take their time: writes go on while a transaction commits, and either the old bits or
// the new ones turn out to be the truth.
describe('a write while a transaction commits', () => {
  it('is in all that records once the transaction is made', async () => {
    const disk = await diskWith({ on: { dirty: [0] }, off: { enabled: false } });
    const drive = await openDrive({ disks: [disk] });
    const go = disk.stall();
    const transaction = drive.transaction([
      { op: 'clear', name: 'on' },
      { op: 'add', name: 'new', persistent: true },
    ]);
    await settle();
    await touch(drive, 4096);
    go();
    await transaction;
    await drive.close();
    expect(await disk.dirty('on')).toEqual([4096]);
    expect(await disk.dirty('new')).toEqual([4096]);
    expect(await disk.dirty('off')).toEqual([]);
  });

  it('is in what recorded before when the transaction fails', async () => {
    const [disk, transient] = [await diskWith({ on: { dirty: [0] } }), await diskWith()];
    const drive = await openDrive({ disks: [disk], transient });
    const go = transient.stall();
    transient.outcomes.push('before');
    const failing = drive.transaction([
      { op: 'clear', name: 'on' },
      { op: 'add', name: 't' },
    ]);
    await settle();
    await touch(drive, 4096);
    go();
    await expect(failing).rejects.toMatchObject({ code: 'IO_FAILED' });
    expect(await bitsOf(drive, 'on')).toEqual([0, 4096]);
    await touch(drive, 8192);
    await drive.close();
    expect(await disk.dirty('on')).toEqual([0, 4096, 8192]);
  });

  it('is not in what began to record by a transaction that fails', async () => {
    const off = { enabled: false, dirty: [0] };
    const [disk, transient] = [await diskWith({ off, held: {} }), await diskWith()];
    const drive = await openDrive({ disks: [disk], transient });
    // One of them is at rest in its store, the other one is held in memory.
    await drive.transaction([{ op: 'disable', name: 'held' }]);
    const go = transient.stall();
    transient.outcomes.push('before');
    const failing = drive.transaction([
      { op: 'enable', name: 'off' },
      { op: 'enable', name: 'held' },
      { op: 'add', name: 't' },
    ]);
    await settle();
    await touch(drive, 4096);
    go();
    await expect(failing).rejects.toMatchObject({ code: 'IO_FAILED' });
    await touch(drive, 8192);
    expect([await bitsOf(drive, 'off'), await bitsOf(drive, 'held')]).toEqual([[0], []]);
    expect(await disk.dirty('off')).toEqual([0]);
  });

  it('is in the bits of every drive from one instant on', async () => {
    const disks = [await diskWith({ a: {} }), await diskWith({ a: {} })];
    const drives = await Promise.all(disks.map((disk) => openDrive({ disks: [disk] })));
    const go = disks[0]!.stall();
    const transaction = runTransaction(
      drives.flatMap((drive) => [
        { drive, action: { op: 'disable', name: 'a' } as const },
        { drive, action: { op: 'add', name: 'b', persistent: true } as const },
      ]),
    );
    await settle();
    // The first drive has not committed yet, and the second was not even asked to.
    for (const drive of drives) await touch(drive, 4096);
    go();
    await transaction;
    for (const drive of drives) await drive.close();
    for (const disk of disks) expect(await disk.dirty('b')).toEqual([4096]);
  });
});
