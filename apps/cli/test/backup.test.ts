import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tidemark } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { guestWrites, makeDrive, readDrive } from './support/drives.ts';
import { digestOf, fail, succeed, succeedJson } from './support/tidemark.ts';

const MiB = 1024 * 1024;

interface PointReference {
  readonly point: string;
  readonly digest: string;
}
const SIZE = 16 * MiB + 512;

describe.each(['raw', 'qcow2'] as const)('backups of a %s drive', (format) => {
  const dir = tempDir();
  const drive = join(dir, `drive.${format}`);
  const backups = join(dir, 'backups');
  const contents = new Map<string, Buffer>();

  async function backUp(...args: readonly string[]) {
    const flags = ['--format', format, ...args];
    const result = await succeedJson<PointReference>('backup', drive, backups, ...flags);
    contents.set(result.point, await readDrive(drive));
    return result;
  }

  it('are full at first, and increments by the bitmap from then on', async () => {
    await makeDrive(drive, format, SIZE, [{ offset: MiB, length: 3 * MiB, byte: 1 }]);
    await succeed('bitmap', 'add', drive, 'nightly', '--format', format);
    const first = await backUp('--bitmap', 'nightly');
    expect(first).toMatchObject({
      point: '000001-full',
      kind: 'full',
      reason: 'first backup in this directory',
      parent: null,
      bitmap: { name: 'nightly', granularity: 65_536 },
      size: SIZE,
      granularity: 65_536,
      totals: { granules: 257, dataBytes: expect.any(Number) },
    });
    await guestWrites(drive, [
      { offset: 2 * MiB + 7, length: 10, byte: 2 },
      { offset: SIZE - 100, length: 100, byte: 3 },
    ]);
    expect(await backUp('--bitmap', 'nightly')).toMatchObject({
      point: '000002-incremental',
      parent: { point: '000001-full', digest: first.digest },
      totals: { granules: 2, dataBytes: 65_536 + 512 },
      bytesRead: 65_536 + 512,
    });
    await guestWrites(drive, [{ offset: 8 * MiB, length: MiB, byte: 4 }]);
    expect(await backUp('-b', 'nightly')).toMatchObject({ point: '000003-incremental' });
    expect(await succeedJson('bitmap', 'list', drive)).toMatchObject([{ dirtyBytes: 0 }]);
  });

  it('have a manifest each, and the digest of every granule', () => {
    const folder = join(backups, '000002-incremental');
    const manifest: { readonly checksum: string } = JSON.parse(
      readFileSync(join(folder, 'manifest.json'), 'utf8'),
    );
    expect(manifest).toMatchObject({
      format: 'tidemark-backup',
      version: 1,
      drive: { id: drive, label: `drive.${format}`, format, size: SIZE },
    });
    const data = readFileSync(join(folder, 'data'));
    const index = readFileSync(join(folder, 'index'));
    const granules = [data.subarray(0, 65_536), data.subarray(65_536)];
    // Two runs of one granule: 24 bytes each, then 16 of the SHA-256.
    const digests = [index.subarray(32 + 24, 32 + 40), index.subarray(72 + 24, 72 + 40)];
    for (const [i, granule] of granules.entries()) {
      const sha256 = createHash('sha256').update(granule).digest();
      expect(digests[i]!.equals(sha256.subarray(0, 16))).toBe(true);
    }
  });

  it('restore the drive as it was at each of them, in either format', async () => {
    for (const [point, content] of contents) {
      for (const to of ['raw', 'qcow2']) {
        const target = join(dir, `${point}.${to}`);
        await succeed('restore', backups, target, '--point', point, '--format', to);
        expect((await readDrive(target)).subarray(0, SIZE).equals(content)).toBe(true);
      }
    }
    const newest = await succeedJson('restore', backups, join(dir, 'newest'));
    expect(newest).toMatchObject({ point: '000003-incremental', format, chainLength: 3 });
    const second = await succeedJson('restore', backups, join(dir, 'second'), '-p', '2');
    expect(second).toEqual({
      point: '000002-incremental',
      target: join(dir, 'second'),
      format,
      size: SIZE,
      chainLength: 2,
      bytesWritten: expect.any(Number),
    });
    expect(readdirSync(dir).filter((name) => name.includes('partial'))).toEqual([]);
  });

  it('are listed and found whole', async () => {
    const points = await succeedJson('repo', 'list', backups);
    expect(points).toMatchObject([
      { point: '000001-full', kind: 'full', problem: null, parent: null },
      { point: '000002-incremental', kind: 'incremental', parent: { point: '000001-full' } },
      { point: '000003-incremental', totals: { granules: 16 } },
    ]);
    expect(await succeed('repo', 'list', backups)).toMatch(
      /^000003-incremental {2}\S+Z {2}1 MiB +bitmap 'nightly' began anew at '000002-incremental'$/m,
    );
    expect(await succeedJson('repo', 'check', backups)).toMatchObject({
      points: [...contents.keys()],
      problems: [],
    });
  });

  it('are refused where a parent is wrong, missing or damaged, before anything is written', async () => {
    const broken = join(dir, 'broken');
    const target = join(dir, 'never');
    const break_ = async (change: () => void, code: string) => {
      rmSync(broken, { recursive: true, force: true });
      cpSync(backups, broken, { recursive: true });
      change();
      expect(await fail('restore', broken, target)).toMatchObject({ code, exit: 11 });
      expect(existsSync(target)).toBe(false);
      expect((await tidemark('repo', 'check', broken)).code).toBe(11);
    };
    const other = join(dir, 'other');
    const source = join(dir, 'other.raw');
    await makeDrive(source, 'raw', SIZE, [{ offset: 0, length: 100, byte: 9 }]);
    await succeed('backup', source, other, '--drive-id', drive);
    const parent = join(broken, '000001-full');
    await break_(() => {
      rmSync(parent, { recursive: true });
      cpSync(join(other, '000001-full'), parent, { recursive: true });
    }, 'BACKUP_PARENT_MISMATCH');
    await break_(() => rmSync(parent, { recursive: true }), 'BACKUP_PARENT_MISMATCH');
    await break_(() => {
      const index = readFileSync(join(parent, 'index'));
      index[40] = index[40]! ^ 1;
      writeFileSync(join(parent, 'index'), index);
    }, 'BACKUP_CORRUPT');
  });

  it('that have a damaged granule restore nothing under the name of the target', async () => {
    const broken = join(dir, 'granule');
    cpSync(backups, broken, { recursive: true });
    const data = readFileSync(join(broken, '000001-full', 'data'));
    data[100] = data[100]! ^ 1;
    writeFileSync(join(broken, '000001-full', 'data'), data);
    const before = readdirSync(dir);
    const error = await fail('restore', broken, join(dir, 'never'));
    expect(error).toMatchObject({ code: 'BACKUP_CORRUPT', exit: 11 });
    expect(readdirSync(dir)).toEqual(before);
    const { code, stdout } = await tidemark('repo', 'check', broken);
    expect({ code, stdout }).toEqual({
      code: 11,
      stdout: expect.stringContaining(': 1 problem\n000001-full: '),
    });
  });

  it('are full or not by what the bitmap proves, and say why', async () => {
    expect(await backUp()).toMatchObject({ kind: 'full', reason: 'no bitmap was given' });
    expect(await backUp('-b', 'nightly')).toMatchObject({
      kind: 'incremental',
      reason: "bitmap 'nightly' began anew at '000003-incremental'",
    });
    expect(await backUp('-b', 'nightly', '--full')).toMatchObject({
      kind: 'full',
      reason: 'a full backup was asked for',
    });
    await succeed('bitmap', 'disable', drive, 'nightly');
    const refused = await fail('backup', drive, backups, '-b', 'nightly');
    expect(refused).toMatchObject({ code: 'BITMAP_INVALID', exit: 7 });
  });
});

describe('restore --overwrite', () => {
  const dir = tempDir();
  const drive = join(dir, 'drive.raw');
  const backups = join(dir, 'backups');

  it('writes the drive and lets every enabled bitmap record it, by whatever name', async () => {
    await makeDrive(drive, 'raw', SIZE, [{ offset: MiB, length: 3 * MiB, byte: 1 }]);
    const before = await readDrive(drive);
    await succeed('bitmap', 'add', drive, 'nightly');
    await succeed('bitmap', 'add', drive, 'off', '--disabled');
    await succeed('backup', drive, backups, '-b', 'nightly');
    await guestWrites(drive, [{ offset: 0, length: 2 * MiB, byte: 9 }]);
    const link = join(dir, 'link.raw');
    symlinkSync('drive.raw', link);
    await succeed('restore', backups, link, '--overwrite', '--format', 'raw');
    expect((await readDrive(drive)).equals(before)).toBe(true);
    const whole = 257 * 65_536;
    expect(await succeedJson('bitmap', 'list', drive)).toMatchObject([
      { name: 'nightly', state: 'stored', dirtyBytes: whole },
      { name: 'off', state: 'stored', dirtyBytes: 0 },
    ]);
    await succeed('backup', drive, backups, '-b', 'nightly');
    await succeed('restore', backups, join(dir, 'again.raw'));
    expect((await readDrive(join(dir, 'again.raw'))).equals(before)).toBe(true);
  });

  it('has checked every digest before it writes the first byte', async () => {
    const broken = join(dir, 'broken');
    cpSync(backups, broken, { recursive: true });
    const path = join(broken, '000002-incremental', 'data');
    const data = readFileSync(path);
    data[data.length - 1] = data.at(-1)! ^ 1;
    writeFileSync(path, data);
    await guestWrites(drive, [{ offset: 0, length: 5, byte: 5 }]);
    const before = digestOf(drive);
    const error = await fail('restore', broken, drive, '--overwrite', '--format', 'raw');
    expect(error).toMatchObject({ code: 'BACKUP_CORRUPT', exit: 11 });
    expect(digestOf(drive)).toBe(before);
    expect(await succeedJson('bitmap', 'list', drive)).toMatchObject([
      { name: 'nightly', state: 'stored' },
      { name: 'off', state: 'stored' },
    ]);
  });
});
