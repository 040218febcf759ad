import { randomBytes } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tidemark } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { guestWrites, makeDrive, readDrive } from './support/drives.ts';
import { fail, succeed, succeedJson } from './support/tidemark.ts';

const MiB = 2 ** 20;
const SIZE = 16 * MiB;

interface Copied {
  readonly point: number;
  readonly state: string;
  readonly copy: number | null;
  readonly read: number;
}

describe('restore points of a repository, in another one', () => {
  const dir = tempDir();
  const drive = join(dir, 'drive.qcow2');
  const [one, other] = [join(dir, 'one'), join(dir, 'other')];
  const [key, passphrase] = [join(dir, 'key'), join(dir, 'passphrase')];
  const copy = [
    'repo',
    'export',
    one,
    other,
    '--key-file',
    key,
    '--to-passphrase-file',
    passphrase,
  ];
  const opened = [other, '--passphrase-file', passphrase];

  async function backUp(byte: number): Promise<void> {
    await guestWrites(drive, [{ offset: byte * MiB, length: 100_000, byte }]);
    await succeed('backup', drive, one, '--key-file', key);
  }

  it('are copied by an export, under the keys of each', async () => {
    writeFileSync(key, randomBytes(32));
    writeFileSync(passphrase, 'of the other\n');
    await succeed('repo', 'create', one, '--key-file', key);
    await succeed('repo', 'create', other, '--passphrase-file', passphrase);
    await makeDrive(drive, 'qcow2', SIZE, [{ offset: 0, length: MiB, byte: 9 }]);
    await backUp(1);
    await backUp(2);
    const copied = await succeedJson<Copied[]>(...copy);
    expect(copied.map(({ point, state, copy: as }) => [point, state, as])).toEqual([
      [1, 'copied', 1],
      [2, 'copied', 2],
    ]);
    await backUp(3);
    const again = await succeedJson<Copied[]>(...copy);
    expect(again.map(({ state }) => state)).toEqual(['there', 'copied']);
    expect(again[1]!.read).toBe(2 * 65_536);
    const target = join(dir, 'restored.qcow2');
    await succeed('restore', ...opened, target);
    expect((await readDrive(target)).equals(await readDrive(drive))).toBe(true);
    await succeed('repo', 'check', ...opened);
  });

  it('tell in words what became of them', async () => {
    expect(await succeed(...copy)).toContain("restore point 3 of 'drive.qcow2': is there");
  });

  it('are left out where they are damaged, which is a failure', async () => {
    const third = join(dir, 'third');
    await succeed('repo', 'create', third);
    rmSync(join(one, 'packs'), { recursive: true });
    const { code, stdout, stderr } = await tidemark(
      ...['repo', 'export', one, third, '--key-file', key],
    );
    expect(code).not.toBe(0);
    expect(stderr).toContain('3 of the restore points');
    expect(stdout.match(/left out/g)).toHaveLength(3);
    expect(await succeedJson('repo', 'list', third)).toEqual([]);
  });

  it('are not written as images where flags are for a copy', async () => {
    const folder = join(dir, 'images');
    const failure = await fail('repo', 'export', one, folder, '--key-file', key, '--rate', '1M');
    expect(failure).toMatchObject({ code: 'USAGE' });
    expect(existsSync(folder)).toBe(false);
  });
});
