import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { guestWrites, makeDrive, readDrive } from './support/drives.ts';
import { fail, succeed, succeedJson } from './support/tidemark.ts';

const MiB = 2 ** 20;

describeWithQemu('a backup to a qcow2 image', ['qemu-img'], () => {
  const dir = tempDir();
  const drive = join(dir, 'drive.qcow2');
  const base = join(dir, 'base.qcow2');
  const increment = join(dir, 'increment.qcow2');

  it('has all of a drive, or what a bitmap calls dirty, as QEMU reads it', async () => {
    await makeDrive(drive, 'qcow2', 16 * MiB, [{ offset: MiB, length: 5 * MiB, byte: 1 }]);
    await succeed('bitmap', 'add', drive, 'nightly');
    await succeed('backup', drive, '--to-qcow2', base);
    await guestWrites(drive, [
      { offset: 2 * MiB + 5, length: 100, byte: 2 },
      { offset: 4 * MiB, length: MiB, byte: 0 },
      { offset: 15 * MiB, length: 10, byte: 3 },
    ]);
    const made = await succeedJson('backup', drive, '--to-qcow2', increment, '-b', 'nightly');
    expect(made).toMatchObject({ copied: 18 * 65_536, bitmap: 'nightly' });
    expect(await succeedJson('bitmap', 'list', drive)).toMatchObject([{ dirtyBytes: 0 }]);
    // On its base it is the drive, zeros included.
    await run('qemu-img', 'rebase', '-u', '-f', 'qcow2', '-F', 'qcow2', '-b', base, increment);
    const raw = join(dir, 'whole.raw');
    await run('qemu-img', 'convert', '-O', 'raw', increment, raw);
    expect((await readDrive(raw)).equals(await readDrive(drive))).toBe(true);
    await run('qemu-img', 'check', increment);
  });

  it('leaves the bitmap as it is where the image cannot be made', async () => {
    await guestWrites(drive, [{ offset: 0, length: 10, byte: 9 }]);
    const failure = await fail('backup', drive, '--to-qcow2', increment, '-b', 'nightly');
    expect(failure).toMatchObject({ code: 'FILE_EXISTS' });
    const missing = join(dir, 'no', 'where.qcow2');
    expect(await fail('backup', drive, '--to-qcow2', missing, '-b', 'nightly')).toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
    expect(await succeedJson('bitmap', 'list', drive)).toMatchObject([{ dirtyBytes: 65_536 }]);
  });
});
