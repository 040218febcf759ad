import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { guestWrites, makeDrive, readDrive } from './support/drives.ts';
import { succeed, succeedJson } from './support/tidemark.ts';

const MiB = 1024 * 1024;
const SIZE = 4 * MiB;

interface BackupResult {
  readonly kind: string;
  readonly reason: string;
}

describe.each(['raw', 'qcow2'] as const)('a backup of a %s drive whose bitmap', (format) => {
  const root = tempDir();
  let restores = 0;

  /** A drive that was backed up by its bitmap, and then written. */
  async function writtenDrive(name: string) {
    const dir = join(root, name);
    mkdirSync(dir);
    const drive = join(dir, `drive.${format}`);
    const flags = ['--format', format];
    const backUp = (to: string) =>
      succeedJson<BackupResult>('backup', drive, join(dir, to), '--bitmap', 'n', ...flags);
    await makeDrive(drive, format, SIZE, [{ offset: 0, length: MiB, byte: 1 }]);
    await succeed('bitmap', 'add', drive, 'n', ...flags);
    await backUp('backups');
    await guestWrites(drive, [{ offset: MiB, length: 100, byte: 2 }]);
    const bitmap = (command: string) => succeed('bitmap', command, drive, 'n', ...flags);
    return { dir, drive, backUp, bitmap };
  }

  async function expectRestored(dir: string, drive: string, from = 'backups'): Promise<void> {
    const target = join(dir, `restored-${restores++}.${format}`);
    await succeed('restore', join(dir, from), target);
    expect((await readDrive(target)).equals(await readDrive(drive))).toBe(true);
  }

  it.each([
    ['was removed and added again', ['remove', 'add']],
    ['was cleared', ['clear']],
    ['was disabled for a while', ['disable', 'enable']],
  ])('%s is full, and right', async (name, commands) => {
    const { dir, drive, backUp, bitmap } = await writtenDrive(name);
    for (const command of commands) await bitmap(command);
    expect(await backUp('backups')).toMatchObject({
      kind: 'full',
      reason: expect.stringContaining('does not tell since when it records'),
    });
    await expectRestored(dir, drive);
    // From here on it is known again.
    await guestWrites(drive, [{ offset: 2 * MiB, length: 100, byte: 3 }]);
    expect(await backUp('backups')).toMatchObject({ kind: 'incremental' });
    await expectRestored(dir, drive);
  });

  it('was backed up elsewhere meanwhile is full, and right', async () => {
    const { dir, drive, backUp } = await writtenDrive('elsewhere');
    cpSync(join(dir, 'backups'), join(dir, 'copy'), { recursive: true });
    expect(await backUp('backups')).toMatchObject({ kind: 'incremental' });
    await guestWrites(drive, [{ offset: 2 * MiB, length: 100, byte: 3 }]);
    for (const to of ['copy', 'backups']) {
      expect(await backUp(to)).toMatchObject({
        kind: 'full',
        reason: expect.stringContaining('for another backup'),
      });
      await expectRestored(dir, drive, to);
    }
  });
});
