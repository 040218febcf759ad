import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { connectNbd } from '@tidemark/nbd';
import { expect, it } from 'vitest';
import { startDaemon, tidemark } from '../../../tools/programs.ts';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { bitmapFlags, dirtyByQemu, qemuIo } from './support/qemu-view.ts';
import { dirtyRanges } from './support/serving.ts';

// The long form: KILL_CYCLES=500 vitest run --project daemon kill
const CYCLES = Number(process.env['KILL_CYCLES'] ?? 5);
const SIZE = 64 * 1024 * 1024;

/** Writes all over a drive, several at a time, until the server is gone. */
async function writeUntilKilled(uri: string, stamp: number): Promise<number> {
  const disk = await connectNbd(uri);
  let written = 0;
  const writer = async () => {
    for (;;) {
      const length = 512 * (1 + Math.floor(Math.random() * 64));
      const offset = Math.floor((Math.random() * (SIZE - length)) / 512) * 512;
      await disk.write(new Uint8Array(length).fill(stamp + (written % 100)), offset);
      written += 1;
      if (written % 50 === 0) await disk.flush();
    }
  };
  await Promise.all(Array.from({ length: 4 }, () => writer().catch(() => {})));
  await disk.close().catch(() => {});
  return written;
}

describeWithQemu(
  'a daemon that is killed while a drive with live bitmaps is written',
  ['qemu-img', 'qemu-io', 'qemu-nbd', 'nbdinfo'],
  () => {
    const dir = tempDir();
    const drive = join(dir, 'disk.qcow2');
    const socket = join(dir, 'nbd.sock');
    const backups = join(dir, 'backups');

    it(
      'leaves bitmaps from which increments are right, again and again',
      async () => {
        await run('qemu-img', 'create', '-q', '-f', 'qcow2', drive, String(SIZE));
        await tidemark('bitmap', 'add', drive, 'nightly');
        for (let cycle = 0; cycle <= CYCLES; cycle++) {
          const { stdout } = await tidemark(
            'backup',
            drive,
            backups,
            '--bitmap',
            'nightly',
            '--json',
          );
          const { kind, reason } = JSON.parse(stdout) as { kind: string; reason: string };
          expect(kind, reason).toBe(cycle === 0 ? 'full' : 'incremental');
          const restored = join(dir, `restored-${cycle}.qcow2`);
          expect(await tidemark('restore', backups, restored)).toMatchObject({ code: 0 });
          await run('qemu-img', 'compare', '-q', drive, restored);
          if (cycle === CYCLES) break;

          const daemon = await startDaemon(
            ...['-drive', `file=${drive},id=vm,durability=live`, '-dirty-bitmap', 'name=nightly'],
            ...['--nbd-server', `addr.type=unix,addr.path=${socket}`],
          );
          const writing = writeUntilKilled(`nbd+unix:///vm?socket=${socket}`, cycle);
          await setTimeout(200 + Math.random() * 300);
          await daemon.stop('SIGKILL');
          expect(await writing).toBeGreaterThan(0);

          // QEMU finds the bitmap sound, as it is, and the image without corruption.
          expect(await bitmapFlags(drive)).toEqual({ nightly: ['auto'] });
          expect([0, 3]).toContain((await sh('qemu-img', 'check', '-q', drive)).code);
          expect(await dirtyByQemu(drive, 'nightly')).toEqual(await dirtyRanges(drive, 'nightly'));
          // And goes on with it.
          if (cycle % 2 === 0) await qemuIo(drive, 'qcow2', `write -P ${cycle} ${cycle}M 64k`);
        }
      },
      CYCLES * 60_000,
    );
  },
);
