import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createDrive } from '@tidemark/drive';
import { describe, expect, it } from 'vitest';
import { tidemark } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { dirtyRanges, guestWrite, serving } from './support/serving.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const TIB = 1024 ** 4;
const root = tempDir();

/** The most memory that the daemon has taken while a drive of this size was written here and there. */
async function peakMemory(format: 'raw' | 'qcow2', size: number): Promise<number> {
  const dir = join(root, `${format}-${size}`);
  mkdirSync(dir);
  const path = join(dir, 'disk');
  await (await createDrive(path, { format, size })).device.close();
  const options = [
    ...['-drive', `file=${path},format=${format},id=vm`],
    ...['-dirty-bitmap', 'name=n,create=on'],
  ];
  const last = size - 100;
  const { result } = await serving(dir, options, async (uri, daemon) => {
    for (const at of [0, size / 4, size / 2, (size / 4) * 3, last])
      await guestWrite(uri('vm'), at, 100);
    return peakOf(daemon.process.pid!);
  });
  const granules = [0, size / 4, size / 2, (size / 4) * 3, size - 65_536];
  expect(await dirtyRanges(path, 'n')).toEqual(granules.map((at) => [at, 65_536]));
  expect(statSync(path).blocks * 512).toBeLessThan(8 * MIB);
  const backup = await tidemark(
    'backup',
    path,
    join(dir, 'backups'),
    '--bitmap',
    'n',
    '--json',
    '--format',
    format,
  );
  expect(JSON.parse(backup.stdout)).toMatchObject({ kind: 'full' });
  const { bytesRead } = JSON.parse(backup.stdout) as { bytesRead: number };
  // Clusters of the file system or the image, and no holes.
  expect(bytesRead).toBeLessThanOrEqual(5 * MIB);
  return result;
}

function peakOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

describe.runIf(process.platform === 'linux').each(['raw', 'qcow2'] as const)(
  'a %s drive of 1 TiB',
  (format) => {
    it('takes the work and the memory of what is written to it', async () => {
      const small = await peakMemory(format, GIB);
      const large = await peakMemory(format, TIB);
      expect(small).toBeGreaterThan(16 * MIB);
      // 1 TiB at 64 KiB a bit are 2 MiB of bits, of which hardly any is needed.
      expect(large - small).toBeLessThan(8 * MIB);
    });
  },
);
