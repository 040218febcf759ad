import { MemoryDevice } from '@tidemark/block';
import { FaultDevice } from '@tidemark/block/testing';
import { describe, expect, it } from 'vitest';
import { runTransaction } from '../src/index.ts';
import { bitsOf, diskWith, openDrive, SIZE, touch } from './support/drives.ts';
import { dirtyOf, FaultyDisk } from './support/faulty-disk.ts';
import { GatedDevice, settle } from './support/gated-device.ts';

describe('closing a tracked drive', () => {
  it('stores what records, with what was written', async () => {
    const disk = await diskWith({ a: { dirty: [0] } });
    const drive = await openDrive({ disks: [disk] });
    await touch(drive, 4096);
    await drive.close();
    expect(await disk.found()).toEqual({ a: 'stored' });
    expect(await disk.dirty('a')).toEqual([0, 4096]);
  });

  it('calls nothing clean before writes under way are through and flushed', async () => {
    const device = new GatedDevice(SIZE);
    const disk = await diskWith({ a: {} });
    const drive = await openDrive({ device, disks: [disk] });
    const write = touch(drive, 4096);
    const closing = drive.close();
    await settle();
    // Only the write is there: the flush would not cover it.
    expect([device.waiting, await disk.found()]).toEqual([1, { a: 'inconsistent' }]);
    await device.pass();
    await write;
    await settle();
    // The flush waits at the gate now.
    expect([device.waiting, await disk.found()]).toEqual([1, { a: 'inconsistent' }]);
    await device.pass();
    await closing;
    expect(await disk.dirty('a')).toEqual([4096]);
  });

  it('leaves bitmaps in use when the device cannot be flushed', async () => {
    const disk = await diskWith({ a: {} });
    const inner = new MemoryDevice({ size: SIZE });
    const device = new FaultDevice(inner, [{ kind: 'fail', on: 'flush' }]);
    const drive = await openDrive({ device, disks: [disk] });
    await expect(drive.close()).rejects.toMatchObject({ code: 'IO_FAILED' });
    expect(await disk.found()).toEqual({ a: 'inconsistent' });
  });

  it('leaves bitmaps in use when somebody closed the device under them', async () => {
    const disk = await diskWith({ a: {} });
    const drive = await openDrive({ disks: [disk] });
    await drive.device.close();
    await expect(drive.close()).rejects.toMatchObject({ code: 'DEVICE_CLOSED' });
    expect(await disk.found()).toEqual({ a: 'inconsistent' });
  });

  it('stores the bitmaps of other stores when one store fails', async () => {
    const [first, second] = [await diskWith({ a: {} }), await diskWith({ b: {} })];
    const drive = await openDrive({ disks: [first, second] });
    first.outcomes.push('before');
    await expect(drive.close()).rejects.toMatchObject({ code: 'IO_FAILED' });
    expect(await first.found()).toEqual({ a: 'inconsistent' });
    expect(await second.found()).toEqual({ b: 'stored' });
  });

  it('waits for a transaction, and stores what it made', async () => {
    const disk = await diskWith({ a: { dirty: [0] } });
    const drive = await openDrive({ disks: [disk] });
    const go = disk.stall();
    const transaction = drive.transaction([
      { op: 'clear', name: 'a' },
      { op: 'add', name: 'b', persistent: true },
    ]);
    await settle();
    const closing = drive.close();
    await settle();
    go();
    await transaction;
    await closing;
    expect(await disk.found()).toEqual({ a: 'stored', b: 'stored' });
    expect(await disk.dirty('a')).toEqual([]);
  });

  it('refuses everything from then on', async () => {
    const drive = await openDrive({ disks: [await diskWith({ a: {} })] });
    const closing = drive.close();
    const closed = { code: 'DEVICE_CLOSED' };
    await expect(touch(drive, 0)).rejects.toMatchObject(closed);
    await expect(drive.list()).rejects.toMatchObject(closed);
    await expect(drive.load('a')).rejects.toMatchObject(closed);
    await expect(drive.hold('a')).rejects.toMatchObject(closed);
    const clear = runTransaction([{ drive, action: { op: 'clear', name: 'a' } }]);
    await expect(clear).rejects.toMatchObject(closed);
    expect(drive.bitmap('a')).toBeUndefined();
    await closing;
    await drive.close();
  });
});

describe('a tracked drive', () => {
  it('records in every enabled bitmap of every store, selected or not', async () => {
    const disks = [await diskWith({ a: {}, off: { enabled: false } }), await diskWith({ b: {} })];
    const drive = await openDrive({ disks, select: [{ name: 'a' }] });
    expect(await Promise.all(disks.map((disk) => disk.found()))).toEqual([
      { a: 'inconsistent', off: 'stored' },
      { b: 'inconsistent' },
    ]);
    await touch(drive, 4096);
    await drive.close();
    expect(await disks[0]!.dirty('a')).toEqual([4096]);
    expect(await disks[0]!.dirty('off')).toEqual([]);
    expect(await disks[1]!.dirty('b')).toEqual([4096]);
  });

  it('tells of its bitmaps, newest first', async () => {
    const disk = await diskWith({ on: { dirty: [0] }, off: { enabled: false } });
    disk.plant({ name: 'left', inUse: true, granularity: 8192 });
    const drive = await openDrive({ disks: [disk], transient: new FaultyDisk(SIZE) });
    await drive.transaction([{ op: 'add', name: 't' }]);
    const common = {
      granularity: 4096,
      recording: true,
      persistent: true,
      busy: false,
      inconsistent: false,
      unsupported: false,
      readonly: false,
      count: 0,
    };
    expect(await drive.list()).toEqual([
      { ...common, name: 't', persistent: false },
      { ...common, name: 'left', granularity: 8192, recording: false, inconsistent: true },
      { ...common, name: 'off', recording: false },
      { ...common, name: 'on', count: 4096 },
    ]);
  });

  it('reads the bits of a bitmap at rest when asked, and writes do not change them', async () => {
    const disk = await diskWith({ off: { enabled: false, dirty: [0] } });
    const drive = await openDrive({ disks: [disk] });
    expect(drive.bitmap('off')).toBeUndefined();
    await touch(drive, 4096);
    const loading = drive.load('off');
    await touch(drive, 8192);
    await loading;
    await touch(drive, 12_288);
    expect(await bitsOf(drive, 'off')).toEqual([0]);
    expect(drive.bitmap('off')).toBe(await loading);
    await drive.close();
    expect(await disk.found()).toEqual({ off: 'stored' });
    expect(await disk.dirty('off')).toEqual([0]);
  });

  it('records in a bitmap from its enable on, whether its bits were read before or not', async () => {
    for (const reads of [true, false]) {
      const disk = await diskWith({ off: { enabled: false, dirty: [0] } });
      const drive = await openDrive({ disks: [disk] });
      if (reads) await drive.load('off');
      await touch(drive, 4096);
      await drive.transaction([{ op: 'enable', name: 'off' }]);
      expect(await disk.found()).toEqual({ off: 'inconsistent' });
      await touch(drive, 8192);
      await drive.close();
      expect(await disk.dirty('off')).toEqual([0, 8192]);
    }
  });

  it('gives the checksum of the bits, and of none for what is not sound', async () => {
    const disk = await diskWith({ a: {} });
    disk.plant({ name: 'left', inUse: true });
    const drive = await openDrive({ disks: [disk] });
    // 8 zero bytes, as QEMU has it.
    const empty = 'af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc';
    expect(await drive.sha256('a')).toBe(empty);
    expect(await drive.sha256('left')).toBe(empty);
    await touch(drive, 0);
    expect(await drive.sha256('a')).not.toBe(empty);
  });
});

describe('a reader of a bitmap', () => {
  it('gives the bits as they are, after changes too', async () => {
    const disk = await diskWith({ a: { dirty: [0] }, off: { enabled: false, dirty: [4096] } });
    disk.plant({ name: 'left', inUse: true });
    const drive = await openDrive({ disks: [disk] });
    const [off, a] = drive.readers();
    expect(drive.readers().map(({ name }) => name)).toEqual(['off', 'a']);
    expect(dirtyOf(await off!.content())).toEqual([4096]);
    await drive.transaction([{ op: 'clear', name: 'a' }]);
    await touch(drive, 8192);
    expect(dirtyOf(await a!.content())).toEqual([8192]);
  });

  it('does not read another bitmap of the same name', async () => {
    const drive = await openDrive({ disks: [await diskWith({ a: {} })] });
    const [reader] = drive.readers();
    await drive.transaction([{ op: 'remove', name: 'a' }]);
    await drive.transaction([{ op: 'add', name: 'a', persistent: true }]);
    expect(() => reader!.content()).toThrow(expect.objectContaining({ code: 'BITMAP_NOT_FOUND' }));
  });

  it('goes on when a removal was taken back', async () => {
    const [disk, transient] = [await diskWith({ a: { dirty: [0] } }), await diskWith()];
    const drive = await openDrive({ disks: [disk], transient });
    const [reader] = drive.readers();
    transient.outcomes.push('before');
    const failing = drive.transaction([
      { op: 'remove', name: 'a' },
      { op: 'add', name: 't' },
    ]);
    await expect(failing).rejects.toMatchObject({ code: 'IO_FAILED' });
    expect(dirtyOf(await reader!.content())).toEqual([0]);
  });
});

describe('a tracked drive that is open for reading', () => {
  it('leaves its stores as they are, and shows their bitmaps', async () => {
    const disk = await diskWith({ on: { dirty: [0] }, off: { enabled: false } });
    const drive = await openDrive({ disks: [disk], writable: false });
    expect(await disk.found()).toEqual({ on: 'stored', off: 'stored' });
    expect(await drive.list()).toMatchObject([
      { name: 'off', recording: false, readonly: true },
      { name: 'on', recording: true, readonly: true, count: 4096 },
    ]);
    await expect(touch(drive, 0)).rejects.toMatchObject({ code: 'DEVICE_READ_ONLY' });
    await drive.close();
    expect(await disk.dirty('on')).toEqual([0]);
  });

  it('does not change persistent bitmaps, and does transient ones', async () => {
    const disk = await diskWith({ on: { dirty: [0] } });
    const transient = new FaultyDisk(SIZE);
    const drive = await openDrive({ disks: [disk], transient, writable: false });
    const readonly = { code: 'BITMAP_READ_ONLY' };
    for (const op of ['clear', 'disable', 'enable', 'remove'] as const) {
      await expect(drive.transaction([{ op, name: 'on' }])).rejects.toMatchObject(readonly);
    }
    const add = drive.transaction([{ op: 'add', name: 'new', persistent: true }]);
    await expect(add).rejects.toMatchObject({ code: 'STORE_READ_ONLY' });
    await drive.transaction([
      { op: 'add', name: 't' },
      { op: 'merge', target: 't', sources: ['on'] },
    ]);
    expect(await bitsOf(drive, 't')).toEqual([0]);
    await drive.close();
    expect(await disk.found()).toEqual({ on: 'stored' });
  });
});
