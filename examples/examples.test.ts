import { mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bitmapStoreContract } from '@tidemark/core/contract';
import { describe, expect, it } from 'vitest';
import { describeWithQemu, run, sh, tempDir } from '../tools/qemu.ts';
import { openJsonStore } from './json-store.ts';

/** As a user runs it: from what was built. */
function example(name: string, ...args: readonly string[]): Promise<string> {
  return run(process.execPath, join(import.meta.dirname, name), ...args);
}

describe('examples', () => {
  const dir = tempDir();

  it('track a raw file, run after run', async () => {
    const disk = join(dir, 'disk.raw');
    expect(await example('track-a-raw-file.ts', disk)).toMatch(
      /^wrote at \d+; nightly calls 65536 bytes dirty\n$/,
    );
    expect(await example('track-a-raw-file.ts', disk)).toMatch(
      /nightly calls (65536|131072) bytes dirty\n$/,
    );
  });

  it('test a backup tool in memory', async () => {
    const path = join(import.meta.dirname, 'test-a-backup-tool.ts');
    const { code, stdout } = await sh(process.execPath, '--test', '--test-reporter=tap', path);
    expect({ code, passed: /^# pass (\d+)$/m.exec(stdout)?.[1] }).toEqual({ code: 0, passed: '1' });
  });
});

describeWithQemu('examples with QEMU', ['qemu-img', 'qemu-io', 'qemu-nbd'], () => {
  it('read its bitmaps, from an image and from its server', async () => {
    const dir = tempDir();
    const image = join(dir, 'vm.qcow2');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', image, '64M');
    await run('qemu-img', 'bitmap', '--add', image, 'nightly');
    await run('qemu-io', '-c', 'write 3M 128k', '-c', 'write 40M 1', image);
    expect(await example('read-bitmaps-of-qemu.ts', image)).toBe(
      'nightly: 65536 bytes to a bit, recording, stored\n  3145728 131072\n  41943040 65536\n',
    );
    const [socket, pid] = [join(dir, 'nbd.sock'), join(dir, 'pid')];
    const place = ['--fork', `--pid-file=${pid}`, '-k', socket];
    await run('qemu-nbd', ...place, '-r', '-t', '-B', 'nightly', image);
    try {
      const uri = `nbd+unix:///?socket=${socket}`;
      expect(await example('dirty-extents-over-nbd.ts', uri, 'nightly')).toBe(
        '3145728 131072\n41943040 65536\n196608 of 67108864 bytes have changed\n',
      );
    } finally {
      process.kill(Number(readFileSync(pid, 'utf8')));
    }
  });
});

bitmapStoreContract(
  'the example of a store in a JSON file',
  { describe, it, expect },
  async (diskSize) => {
    const dir = mkdtempSync(join(tmpdir(), 'json-store-'));
    const path = join(dir, 'bitmaps.json');
    return {
      open: (options) => openJsonStore(path, diskSize, options),
      crash: async () => {},
      inUse: async () => {
        const { entries } = JSON.parse(readFileSync(path, 'utf8'));
        return entries
          .filter((one: { inUse: boolean }) => one.inUse)
          .map((one: { name: string }) => one.name);
      },
      destroy: () => rm(dir, { recursive: true }),
    };
  },
  { crashLeaves: 'inconsistent', resizes: false },
);
