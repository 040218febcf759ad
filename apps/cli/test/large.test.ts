import { statSync } from 'node:fs';
import { join } from 'node:path';
import { openDrive } from '@tidemark/drive';
import { describe, expect, it } from 'vitest';
import { TIDEMARK } from '../../../tools/programs.ts';
import { sh, tempDir } from '../../../tools/qemu.ts';
import { makeDrive } from './support/drives.ts';

const MiB = 1024 * 1024;
const TiB = 1024 ** 4;
/** Far above what Node itself takes, far below what a buffer for the whole drive would. */
const MEMORY_LIMIT = 400 * MiB;

/** Prints the most memory that a process has had, in KiB, when it ends. */
const MEASURE = `process.on('exit', () => process.stderr.write('rss ' + process.resourceUsage().maxRSS))`;

async function measured(...args: readonly string[]) {
  const preload = `--import=data:text/javascript,${encodeURIComponent(MEASURE)}`;
  const { code, stdout, stderr } = await sh(process.execPath, preload, TIDEMARK, ...args, '--json');
  const [, kibibytes] = /^rss (\d+)$/.exec(stderr) ?? [];
  expect({ code, stderr }).toEqual({ code: 0, stderr: `rss ${kibibytes}` });
  expect(Number(kibibytes) * 1024).toBeLessThan(MEMORY_LIMIT);
  return JSON.parse(stdout) as unknown;
}

describe('a drive of 1 TiB with 64 MiB of data', () => {
  const dir = tempDir();

  it.each(['raw', 'qcow2'] as const)(
    '%s: is backed up and restored at the cost of its data',
    async (format) => {
      const drive = join(dir, `large.${format}`);
      const places = Array.from({ length: 64 }, (_, i) => i * (TiB / 64) + i * 65_536);
      const writes = places.map((offset, i) => ({ offset, length: MiB, byte: i + 1 }));
      await makeDrive(drive, format, TiB, writes);
      const backups = join(dir, `${format}-backups`);
      expect(await measured('bitmap', 'add', drive, 'a')).toMatchObject({ granularity: 65_536 });
      // What is read is the data, and what is written: a run of zeros costs 24 bytes.
      expect(await measured('backup', drive, backups, '--bitmap', 'a')).toMatchObject({
        size: TiB,
        bytesRead: 64 * MiB,
        totals: { granules: 2 ** 24, dataBytes: 64 * MiB, zeroBytes: TiB - 64 * MiB },
      });
      expect(statSync(join(backups, '000001-full', 'data')).size).toBe(64 * MiB);
      expect(statSync(join(backups, '000001-full', 'index')).size).toBeLessThan(64 * 1024);
      const target = join(dir, `restored.${format}`);
      expect(await measured('restore', backups, target)).toMatchObject({ bytesWritten: 64 * MiB });
      expect(statSync(target).blocks * 512).toBeLessThan(128 * MiB);
      await expectData(target, writes);
      expect(await measured('bitmap', 'list', drive)).toMatchObject([{ dirtyBytes: 0 }]);
    },
  );
});

async function expectData(
  path: string,
  writes: readonly { readonly offset: number; readonly length: number; readonly byte: number }[],
): Promise<void> {
  const { device } = await openDrive(path);
  for (const { offset, length, byte } of writes) {
    const around = Buffer.alloc(length + 2);
    const start = Math.max(0, offset - 1);
    await device.read(around, start);
    const inside = around.subarray(offset - start, offset - start + length);
    expect(inside.equals(Buffer.alloc(length, byte))).toBe(true);
    expect(around.at(-1)).toBe(0);
  }
  await device.close();
}
