import { cpSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { startDaemon, tidemark } from '../../../tools/programs.ts';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { bitmapFlags, dirtyByQemu, dirtyOf, qemuIo } from './support/qemu-view.ts';

const SIZE = 64 * 1024 * 1024;
const packages = fileURLToPath(new URL('../../../packages', import.meta.url));

interface BackupResult {
  readonly kind: string;
  readonly reason: string;
  readonly bytesRead: number;
  readonly totals: { readonly dataBytes: number };
}

async function cli<T>(...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await tidemark(...args, '--json');
  if (code !== 0) throw new Error(`tidemark ${args.join(' ')}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

describeWithQemu(
  'a drive from its first backup to its restore',
  ['qemu-img', 'qemu-io', 'qemu-nbd', 'nbdinfo', 'nbdcopy', 'fio', 'mkfs.ext4'],
  () => {
    const dir = tempDir();
    const filesystem = join(dir, 'filesystem.raw');

    beforeAll(async () => {
      // A real file system: made of the sources of this very workspace.
      const tree = join(dir, 'tree');
      const isSource = (path: string) => !/node_modules|\/dist(\/|$)/.test(path);
      cpSync(packages, tree, { recursive: true, filter: isSource });
      await run('mkfs.ext4', '-q', '-F', '-d', tree, filesystem, `${SIZE / 1024}k`);
    });

    it.each(['qcow2', 'raw'] as const)('is the same at its end (%s)', async (format) => {
      const home = join(dir, format);
      mkdirSync(home);
      const drive = join(home, `disk.${format}`);
      await run('qemu-img', 'convert', '-f', 'raw', '-O', format, filesystem, drive);
      const image = format === 'raw' ? `${drive}.tidemark.qcow2` : drive;
      const [backups, restored] = [join(home, 'backups'), join(home, `restored.${format}`)];

      await cli('bitmap', 'add', drive, 'nightly', '--format', format);
      const args = ['backup', drive, backups, '--bitmap', 'nightly', '--format', format];
      const full = await cli<BackupResult>(...args);
      expect(full.kind).toBe('full');
      expect(await dirtyByQemu(image, 'nightly')).toEqual([]);

      const socket = join(home, 'nbd.sock');
      const uri = `nbd+unix:///vm?socket=${socket}`;
      const daemon = await startDaemon(
        ...['-drive', `file=${drive},format=${format},id=vm`],
        ...['-dirty-bitmap', 'name=nightly,drive=vm'],
        ...['-dirty-bitmap', 'name=fine,drive=vm,create=on,granularity=4k'],
        ...['--nbd-server', `addr.type=unix,addr.path=${socket}`],
      );
      await qemuIo(
        uri,
        'raw',
        'write -P 0x41 1M 64k',
        'write -P 0x42 3000000 1000',
        'write -z 8M 1M',
        'write -f -P 0x43 63M 1M',
        'read -P 0x41 1M 64k',
        'read -P 0x42 3000000 1000',
        'read -P 0 8M 1M',
        'flush',
      );
      await run(
        'fio',
        ...['--name=guest', '--ioengine=nbd', `--uri=${uri}`, '--rw=randwrite', '--bs=4k'],
        ...['--offset=16M', '--size=4M', '--io_size=1M', '--iodepth=16', '--randseed=7'],
        ...['--verify=crc32c', '--do_verify=1', '--verify_fatal=1', '--verify_state_save=0'],
      );
      const seen = await dirtyOf(uri, 'nightly');
      const fine = await dirtyOf(uri, 'fine');
      const content = join(home, 'content.raw');
      await run('nbdcopy', uri, content);
      expect(await daemon.stop()).toMatchObject({ code: 0 });

      // QEMU reads what we have recorded, and finds nothing wrong.
      expect(await bitmapFlags(image)).toEqual({ nightly: ['auto'], fine: ['auto'] });
      await run('qemu-img', 'check', '-q', image);
      expect(await dirtyByQemu(image, 'nightly')).toEqual(seen);
      expect(await dirtyByQemu(image, 'fine')).toEqual(fine);
      expect(fine).toContainEqual([1024 ** 2, 65_536]);
      expect(seen).toContainEqual([8 * 1024 ** 2, 1024 ** 2]);
      expect(seen.at(-1)).toEqual([63 * 1024 ** 2, 1024 ** 2]);
      await run('qemu-img', 'compare', '-q', '-f', format, '-F', 'raw', drive, content);

      const increment = await cli<BackupResult>(...args);
      expect(increment.kind, increment.reason).toBe('incremental');
      const dirty = seen.reduce((sum, [, length]) => sum + length!, 0);
      // What is dirty is read, and nothing else; the MiB of zeros at 8M is not stored.
      expect(increment.bytesRead).toBeLessThanOrEqual(dirty);
      expect(increment.totals.dataBytes).toBeGreaterThan(0);
      expect(increment.totals.dataBytes).toBeLessThanOrEqual(dirty - 1024 ** 2);
      expect(dirty).toBeLessThan(SIZE / 8);
      expect(await dirtyByQemu(image, 'nightly')).toEqual([]);
      expect(await dirtyByQemu(image, 'fine')).toEqual(fine);

      await cli('restore', backups, restored);
      await run('qemu-img', 'compare', '-q', '-f', format, '-F', format, drive, restored);
      expect(statSync(restored).size).toBeLessThanOrEqual(statSync(drive).size);
    });
  },
);
