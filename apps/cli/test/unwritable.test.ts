import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TIDEMARK } from '../../../tools/programs.ts';
import { run, type RunResult, sh, tempDir } from '../../../tools/qemu.ts';
import { makeDrive } from './support/drives.ts';
import { digestOf, fail, succeed } from './support/tidemark.ts';

const MiB = 1024 * 1024;

/** Needs root for a disk that is full, and for another user. */
const isRoot = process.getuid?.() === 0 && canMount();
if (!isRoot) console.warn('SKIPPED: full and read-only disks, other users: needs root and mount');
describe.skipIf(!isRoot)('a place that cannot be written', () => {
  const dir = tempDir();

  async function onSmallDisk(work: (disk: string) => Promise<void>): Promise<void> {
    const disk = join(dir, 'disk');
    mkdirSync(disk, { recursive: true });
    await run('mount', '-t', 'tmpfs', '-o', 'size=2m,mode=777', 'tmpfs', disk);
    try {
      await work(disk);
    } finally {
      await run('umount', disk);
    }
  }

  it('has no room for what an image is to grow by: the image is as it was', async () => {
    await onSmallDisk(async (disk) => {
      const image = join(disk, 'a.qcow2');
      await run(process.execPath, TIDEMARK, 'img', 'create', '-q', '-f', 'qcow2', image, '1M');
      const before = digestOf(image);
      for (const mode of ['falloc', 'full']) {
        const words = ['resize', `--preallocation=${mode}`, image, '8M'];
        const { code, stderr } = await sh(process.execPath, TIDEMARK, 'img', ...words);
        expect(code).toBe(1);
        expect(stderr).toMatch(/^tidemark img: Failed to resize underlying file: .*No space left/m);
        expect(digestOf(image)).toBe(before);
      }
      const words = ['resize', '-q', '--preallocation=full', image, '1536k'];
      await run(process.execPath, TIDEMARK, 'img', ...words);
    });
  });

  it('has no room for what a data file is to grow by: both files are as they were', async () => {
    await onSmallDisk(async (disk) => {
      const [image, data] = [join(disk, 'a.qcow2'), join(disk, 'a.raw')];
      const words = ['-o', `data_file=${data}`, image, '1M'];
      await run(process.execPath, TIDEMARK, 'img', 'create', '-q', '-f', 'qcow2', ...words);
      await run(process.execPath, TIDEMARK, 'img', 'bitmap', '--add', image, 'b');
      const digests = () => [image, data].map((path) => digestOf(path));
      const before = digests();
      for (const [mode, why] of [
        ['falloc', 'Could not preallocate new data'],
        ['full', 'Could not write zeros for preallocation'],
      ] as const) {
        const grow = ['resize', `--preallocation=${mode}`, image, '8M'];
        const { code, stderr } = await sh(process.execPath, TIDEMARK, 'img', ...grow);
        expect(code).toBe(1);
        expect(stderr).toContain(`tidemark img: ${why}: No space left on device\n`);
        expect(digests()).toEqual(before);
      }
    });
  });

  it('has no room for what a raw drive is to grow by: it is as it was, and its bitmap good', async () => {
    await onSmallDisk(async (disk) => {
      const drive = join(disk, 'a.raw');
      await makeDrive(drive, 'raw', MiB, [{ offset: 0, length: 4096, byte: 3 }]);
      await succeed('bitmap', 'add', drive, 'b');
      const before = digestOf(drive);
      const grow = ['resize', '-f', 'raw', '--preallocation=full', drive, '8M'];
      const { code, stderr } = await sh(process.execPath, TIDEMARK, 'img', ...grow);
      expect(code).toBe(1);
      expect(stderr).toContain('No space left on device');
      expect(digestOf(drive)).toBe(before);
      const listed = await run(process.execPath, TIDEMARK, 'bitmap', 'list', drive);
      expect(listed).not.toContain('inconsistent');
    });
  });

  it('is full: nothing is left there, and nothing else has changed', async () => {
    const source = join(dir, 'source.raw');
    await makeDrive(source, 'raw', 8 * MiB, [{ offset: 0, length: 4 * MiB, byte: 3 }]);
    await succeed('bitmap', 'add', source, 'a');
    const sidecar = digestOf(`${source}.tidemark.qcow2`);
    await succeed('backup', source, join(dir, 'backups'));
    await onSmallDisk(async (disk) => {
      const args = ['backup', source, join(disk, 'b'), '--bitmap', 'a'];
      expect(await fail(...args)).toMatchObject({ code: 'NO_SPACE', exit: 12 });
      expect(readdirSync(join(disk, 'b'))).toEqual([]);
      const target = join(disk, 'target.raw');
      expect(await fail('restore', join(dir, 'backups'), target)).toMatchObject({
        code: 'NO_SPACE',
        exit: 12,
        message: expect.stringContaining(`'${target}'`),
      });
      expect(readdirSync(disk)).toEqual(['b']);
      await makeDrive(join(disk, 'd.raw'), 'raw', 8 * MiB);
      expect(() => appendFileSync(join(disk, 'fill'), Buffer.alloc(4 * MiB))).toThrow(/ENOSPC/);
      expect(await fail('bitmap', 'add', join(disk, 'd.raw'), 'a')).toMatchObject({
        code: 'NO_SPACE',
        exit: 12,
      });
      expect(readdirSync(disk).sort()).toEqual(['b', 'd.raw', 'fill']);
    });
    expect(digestOf(`${source}.tidemark.qcow2`)).toBe(sidecar);
  });

  it('is read-only: bitmaps are listed and drives backed up, but not changed', async () => {
    await onSmallDisk(async (disk) => {
      const path = join(disk, 'vm.qcow2');
      await makeDrive(path, 'qcow2', MiB);
      await succeed('bitmap', 'add', path, 'a');
      await makeDrive(join(disk, 'd.raw'), 'raw', MiB);
      await run('mount', '-o', 'remount,ro', disk);
      for (const args of [
        ['bitmap', 'add', path, 'b'],
        ['bitmap', 'remove', path, 'a'],
        ['bitmap', 'add', join(disk, 'd.raw'), 'b'],
        ['backup', path, join(dir, 'never'), '--bitmap', 'a'],
      ]) {
        expect(await fail(...args)).toMatchObject({ code: 'DEVICE_READ_ONLY', exit: 10 });
      }
      expect(await succeed('bitmap', 'list', path)).toContain('a     64 KiB');
      await succeed('backup', path, join(dir, 'from-read-only'));
    });
    expect(existsSync(join(dir, 'never'))).toBe(false);
  });

  it("is another user's: what may be read is read, and nothing is written", async () => {
    await onSmallDisk(async (disk) => {
      const path = join(disk, 'vm.qcow2');
      await makeDrive(path, 'qcow2', MiB);
      chownSync(path, 65_534, 65_534);
      chmodSync(path, 0o644);
      // Root without its powers, so that the programs can be read wherever they are.
      const powerless = ['--bounding-set=-all', '--inh-caps=-all', process.execPath, TIDEMARK];
      const asOther = (...args: readonly string[]): Promise<RunResult> =>
        sh('setpriv', ...powerless, ...args);
      expect(await asOther('info', path)).toMatchObject({ code: 0 });
      const before = digestOf(path);
      const denied = { code: 10, stderr: expect.stringContaining('(PERMISSION_DENIED)') };
      expect(await asOther('bitmap', 'add', path, 'a')).toMatchObject(denied);
      expect(digestOf(path)).toBe(before);
      chmodSync(path, 0o600);
      expect(await asOther('info', path)).toMatchObject(denied);
    });
  });
});

function canMount(): boolean {
  try {
    execFileSync('sh', ['-c', 'd=$(mktemp -d) && mount -t tmpfs tmpfs $d && umount $d'], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}
