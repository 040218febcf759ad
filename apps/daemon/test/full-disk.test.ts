import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createDrive } from '@tidemark/drive';
import { startDaemon } from '../../../tools/programs.ts';
import { run, tempDir } from '../../../tools/qemu.ts';
import { bitmapsOf, guestWrite } from './support/serving.ts';

const MiB = 1024 * 1024;

function canMount(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const dir = tempDir();
const disk = join(dir, 'disk');
mkdirSync(disk);
const isAble = canMount(disk);
if (!isAble) console.warn('SKIPPED: a daemon on a full disk: needs root and mount');

describe.skipIf(!isAble)('a daemon whose disk is full when it ends', () => {
  it.each([
    { durability: 'close', left: { state: 'inconsistent' } },
    // It lies there as it was marked.
    { durability: 'live', left: { state: 'stored' } },
  ])('says so, and ends with the code of it: durability=$durability', async (shape) => {
    const { durability, left } = shape;
    await run('mount', '-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', disk);
    try {
      const drive = join(disk, 'd.raw');
      await (await createDrive(drive, { format: 'raw', size: 64 * MiB })).device.close();
      const socket = join(dir, 'nbd.sock');
      const daemon = await startDaemon(
        ...[
          '-drive',
          `file=${drive},format=raw,id=vm,durability=${durability}`,
          '-dirty-bitmap',
          'name=n,create=on',
        ],
        ...['--nbd-server', `addr.type=unix,addr.path=${socket}`],
      );
      await guestWrite(`nbd+unix:///vm?socket=${socket}`, MiB, MiB);
      expect(() => appendFileSync(join(disk, 'fill'), Buffer.alloc(16 * MiB))).toThrow(/ENOSPC/);
      const { code, stderr } = await daemon.stop();
      expect({ code, stderr }).toEqual({ code: 12, stderr: expect.stringContaining('NO_SPACE') });
      rmSync(join(disk, 'fill'));
      expect(await bitmapsOf(drive, '--format', 'raw')).toMatchObject({ n: left });
    } finally {
      await run('umount', disk);
    }
  });
});
