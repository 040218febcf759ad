import { describe, expect, it } from 'vitest';
import { runTransaction } from '../src/index.ts';
import { bitsOf, diskWith, openDrive, touch } from './support/drives.ts';

// What a transaction did in one store is taken back when another store fails.
describe('a transaction whose second store fails', () => {
  it('leaves a removed bitmap that was held in memory in use on disk', async () => {
    const [first, second] = [await diskWith({ a: {} }), await diskWith()];
    const drive = await openDrive({ disks: [first], transient: second });
    await drive.transaction([{ op: 'disable', name: 'a' }]);
    second.outcomes.push('before');
    const failing = drive.transaction([
      { op: 'remove', name: 'a' },
      { op: 'add', name: 't' },
    ]);
    await expect(failing).rejects.toMatchObject({ code: 'IO_FAILED' });
    await drive.transaction([{ op: 'enable', name: 'a' }]);
    await touch(drive, 0);
    expect(await first.found()).toEqual({ a: 'inconsistent' });
  });

  it('puts back a removed bitmap that records, with what was written meanwhile', async () => {
    const [first, second] = [await diskWith({ a: { dirty: [0] } }), await diskWith()];
    const drive = await openDrive({ disks: [first], transient: second });
    second.outcomes.push('before');
    const failing = drive.transaction([
      { op: 'remove', name: 'a' },
      { op: 'add', name: 't' },
    ]);
    await touch(drive, 4096);
    await expect(failing).rejects.toMatchObject({ code: 'IO_FAILED' });
    await touch(drive, 8192);
    expect(await first.found()).toEqual({ a: 'inconsistent' });
    await drive.close().catch(() => {});
    expect(await first.found()).toEqual({ a: 'stored' });
    expect(await first.dirty('a')).toEqual([0, 4096, 8192]);
  });

  it('puts back a removed bitmap at rest with its bits', async () => {
    const off = { enabled: false, dirty: [4096] };
    const [first, second] = [await diskWith({ a: off, b: {} }), await diskWith()];
    const drive = await openDrive({ disks: [first], transient: second });
    second.outcomes.push('before');
    const failing = drive.transaction([
      { op: 'remove', name: 'a' },
      { op: 'add', name: 't' },
    ]);
    await expect(failing).rejects.toMatchObject({ code: 'IO_FAILED' });
    expect(await first.dirty('a')).toEqual([4096]);
  });

  it('puts back a removed bitmap that it had taken in use first', async () => {
    const off = { enabled: false, dirty: [4096] };
    const [first, second] = [await diskWith({ a: off, b: {} }), await diskWith()];
    const drive = await openDrive({ disks: [first], transient: second });
    second.outcomes.push('before');
    const failing = drive.transaction([
      { op: 'clear', name: 'a' },
      { op: 'remove', name: 'a' },
      { op: 'add', name: 't' },
    ]);
    await expect(failing).rejects.toMatchObject({ code: 'IO_FAILED' });
    expect(await first.dirty('a')).toEqual([4096]);
    await drive.close().catch(() => {});
    expect(await first.found()).toEqual({ a: 'stored', b: 'stored' });
  });

  it('leaves the target of a merge as it was', async () => {
    const shapes = { a: { dirty: [0] }, on: {}, off: { enabled: false } };
    const [first, second] = [await diskWith(shapes), await diskWith()];
    const drive = await openDrive({ disks: [first], transient: second });
    second.outcomes.push('before');
    const failing = drive.transaction([
      { op: 'merge', target: 'on', sources: ['a'] },
      { op: 'merge', target: 'off', sources: ['a'] },
      { op: 'add', name: 't' },
    ]);
    await expect(failing).rejects.toMatchObject({ code: 'IO_FAILED' });
    expect([await bitsOf(drive, 'on'), await bitsOf(drive, 'off')]).toEqual([[], []]);
    expect(await first.dirty('off')).toEqual([]);
  });

  it('puts back an inconsistent bitmap as inconsistent', async () => {
    const [first, second] = [await diskWith(), await diskWith()];
    first.plant({ name: 'a', inUse: true });
    const drive = await openDrive({ disks: [first], transient: second });
    second.outcomes.push('before');
    const failing = drive.transaction([
      { op: 'remove', name: 'a' },
      { op: 'add', name: 't' },
    ]);
    await expect(failing).rejects.toMatchObject({ code: 'IO_FAILED' });
    await drive.close().catch(() => {});
    expect(await first.found()).toEqual({ a: 'inconsistent' });
  });

  it('takes back new bitmaps of an earlier drive', async () => {
    const [first, second] = [await diskWith(), await diskWith()];
    const drives = [
      await openDrive({ disks: [first], label: 'd0' }),
      await openDrive({ disks: [second], label: 'd1' }),
    ];
    second.outcomes.push('before');
    const failing = runTransaction(
      drives.map((drive) => ({ drive, action: { op: 'add', name: 'a', persistent: true } })),
    );
    await expect(failing).rejects.toMatchObject({ code: 'IO_FAILED' });
    expect(await first.found()).toEqual({});
    await drives[0]!.transaction([{ op: 'add', name: 'a', persistent: true }]);
    await drives[0]!.close();
    expect(await first.found()).toEqual({ a: 'stored' });
  });
});

it('takes back what it did in one store where that fails in another one', async () => {
  const [first, second, third] = [await diskWith(), await diskWith({ b: {} }), await diskWith()];
  const drive = await openDrive({ disks: [first, second], transient: third });
  first.outcomes.push('done', 'before');
  third.outcomes.push('before');
  const failing = drive.transaction([
    { op: 'add', name: 'a', persistent: true },
    { op: 'remove', name: 'b' },
    { op: 'add', name: 't' },
  ]);
  await expect(failing).rejects.toMatchObject({ code: 'IO_FAILED' });
  expect(await first.found()).toEqual({ a: 'inconsistent' });
  expect(await second.found()).toEqual({ b: 'inconsistent' });
  await expect(drive.close()).resolves.toBeUndefined();
  expect(await second.found()).toEqual({ b: 'stored' });
});

it('removes a bitmap whose bits cannot be read', async () => {
  const [first, second] = [await diskWith({ a: { enabled: false } }), await diskWith()];
  const drive = await openDrive({ disks: [first], transient: second });
  first.unreadable.add('a');
  await drive.transaction([
    { op: 'remove', name: 'a' },
    { op: 'add', name: 't' },
  ]);
  expect(await first.found()).toEqual({});
});
