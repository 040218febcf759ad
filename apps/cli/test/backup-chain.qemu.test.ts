import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { qemuBitmaps } from '../../../tools/qemu-bitmaps.ts';
import { guestWrites, makeDrive, readDrive } from './support/drives.ts';
import { fail, succeed, succeedJson } from './support/tidemark.ts';

const MIB = 1024 * 1024;
const SIZE = 8 * MIB;

interface Result {
  readonly point: string;
  readonly kind: string;
  readonly reason: string;
  readonly parent: { readonly point: string } | null;
  readonly bitmap: { readonly name: string; readonly checkpoint: string } | null;
  readonly bytesRead: number;
}

describeWithQemu('a chain of backups', ['qemu-img', 'qemu-io'], () => {
  const root = tempDir();
  let count = 0;

  async function setUp(format: 'raw' | 'qcow2') {
    const dir = join(root, `${count++}`);
    mkdirSync(dir);
    const drive = join(dir, `drive.${format}`);
    await makeDrive(drive, format, SIZE, [{ offset: 0, length: MIB, byte: 1 }]);
    const backUp = (...more: readonly string[]) =>
      succeedJson<Result>(
        ...['backup', drive, join(dir, 'backups'), '--chain', 'nightly', '--format', format],
        ...more,
      );
    const expectRestored = async () => {
      const restored = join(dir, `restored-${count++}.${format}`);
      await succeed('restore', join(dir, 'backups'), restored);
      expect((await readDrive(restored)).equals(await readDrive(drive))).toBe(true);
    };
    const names = async () =>
      (await succeedJson<{ name: string }[]>('bitmap', 'list', drive)).map(({ name }) => name);
    return { dir, drive, backUp, expectRestored, names };
  }

  it.each(['raw', 'qcow2'] as const)('needs nothing made before: %s', async (format) => {
    const { drive, backUp, expectRestored, names } = await setUp(format);
    const first = await backUp();
    expect(first).toMatchObject({ kind: 'full', reason: 'first backup in this directory' });
    expect(first.bitmap?.name).toBe(`nightly@${first.bitmap?.checkpoint}`);
    expect(await names()).toEqual([first.bitmap?.name]);
    await guestWrites(drive, [{ offset: 3 * MIB, length: 100, byte: 2 }]);
    const next = await backUp();
    expect(next).toMatchObject({ kind: 'incremental', parent: { point: first.point } });
    expect(next.bytesRead).toBeLessThanOrEqual(65_536);
    expect(await names()).toEqual([next.bitmap?.name]);
    await expectRestored();
  });

  it('A6 goes on after a session of QEMU, which a bitmap of one name does not', async () => {
    const { dir, drive, backUp, expectRestored } = await setUp('qcow2');
    await succeed('bitmap', 'add', drive, 'mine');
    const byName = () =>
      succeedJson<Result>('backup', drive, join(dir, 'mine'), '--bitmap', 'mine');
    await byName();
    await backUp();
    await run('qemu-io', '-f', 'qcow2', '-c', 'write -P 7 2M 64k', '-c', 'write -z 0 64k', drive);
    expect(await byName()).toMatchObject({
      kind: 'full',
      reason: expect.stringContaining('another program has had its image open for writing since'),
    });
    const listed = await succeedJson<{ name: string; nextBackup: { kind: string } }[]>(
      ...['bitmap', 'list', drive, '--backups', join(dir, 'backups')],
    );
    const nexts = listed.map(({ name, nextBackup }) => [name.split('@')[0], nextBackup.kind]);
    expect(nexts).toEqual([
      ['mine', 'full'],
      ['nightly', 'incremental'],
    ]);
    const next = await backUp();
    expect(next).toMatchObject({ kind: 'incremental' });
    expect(next.bytesRead).toBeLessThanOrEqual(2 * 65_536);
    await expectRestored();
    await run('qemu-img', 'check', '-q', drive);
    expect((await qemuBitmaps(drive)).length).toBe(2);
  });

  it('is full with the reason where its bitmap cannot be followed, and goes on from there', async () => {
    const { drive, backUp, names } = await setUp('qcow2');
    await backUp();
    const [name] = await names();
    await succeed('bitmap', 'disable', drive, name!);
    expect(await backUp()).toMatchObject({
      kind: 'full',
      reason: `bitmap '${name}' is disabled and misses writes`,
    });
    expect(await backUp()).toMatchObject({ kind: 'incremental' });
    await succeed('bitmap', 'remove', drive, (await names())[0]!);
    expect(await backUp()).toMatchObject({ reason: "chain 'nightly' has no bitmap yet" });
    expect(await backUp('--full')).toMatchObject({ reason: 'a full backup was asked for' });
    expect(await backUp('--granularity', '4k')).toMatchObject({ kind: 'full' });
    expect(await backUp('--granularity', '4k')).toMatchObject({ kind: 'incremental' });
  });

  it('A11 is full when QEMU has made the drive smaller', async () => {
    const { drive, backUp, expectRestored } = await setUp('qcow2');
    await backUp();
    await run('qemu-img', 'resize', '-q', '--shrink', drive, `${SIZE / 2}`);
    const next = await backUp();
    expect(next.reason).toBe(`the drive was resized from ${SIZE} to ${SIZE / 2} bytes`);
    await expectRestored();
  });

  it('refuses a name that no bitmap can have, and two ways at once, and leaves nothing', async () => {
    const { dir, drive } = await setUp('raw');
    const args = ['backup', drive, join(dir, 'backups'), '--format', 'raw'];
    for (const name of ['', 'x'.repeat(1000)]) {
      expect(await fail(...args, '--chain', name)).toMatchObject({ code: 'BITMAP_INVALID' });
    }
    const both = await fail(...args, '--chain', 'a', '--bitmap', 'a');
    expect(both.code).toBe('USAGE');
    expect(existsSync(`${drive}.tidemark.qcow2`)).toBe(false);
    expect(existsSync(join(dir, 'backups'))).toBe(false);
  });
});
