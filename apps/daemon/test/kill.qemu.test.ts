import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { connectNbd } from '@tidemark/nbd';
import { expect, it } from 'vitest';
import { startDaemon, tidemark } from '../../../tools/programs.ts';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { bitmapFlags, dirtyByQemu, qemuIo } from './support/qemu-view.ts';
import { bitmapsOf, dirtyRanges } from './support/serving.ts';

// The long form: KILL_CYCLES=500 vitest run --project daemon kill.qemu
const CYCLES = Number(process.env['KILL_CYCLES'] ?? 5);
const MIB = 1024 * 1024;
const SIZE = 16 * MIB;

/**
 * Writes all over a drive, several at a time, until the server is gone. `begun` is called when the
 * first one is answered.
 */
async function writeUntilKilled(uri: string, stamp: number, begun: () => void): Promise<void> {
  const disk = await connectNbd(uri);
  let written = 0;
  const writer = async () => {
    for (;;) {
      const length = 512 * (1 + Math.floor(Math.random() * 64));
      const offset = Math.floor((Math.random() * (SIZE - length)) / 512) * 512;
      await disk.write(new Uint8Array(length).fill(stamp + (written % 100)), offset);
      written += 1;
      begun();
      if (written % 50 === 0) await disk.flush();
    }
  };
  await Promise.all(Array.from({ length: 4 }, () => writer().catch(() => {})));
  await disk.close().catch(() => {});
}

describeWithQemu(
  'a daemon that is killed while a drive with live bitmaps is written',
  ['qemu-img', 'qemu-io', 'qemu-nbd', 'nbdinfo'],
  () => {
    const dir = tempDir();
    const socket = join(dir, 'nbd.sock');

    it.each(['qcow2', 'raw'] as const)(
      'leaves bitmaps from which increments are right, again and again (%s)',
      async (format) => {
        const drive = join(dir, `disk.${format}`);
        const backups = join(dir, `backups-${format}`);
        const flags = ['--format', format];
        await run('qemu-img', 'create', '-q', '-f', format, drive, String(SIZE));
        // QEMU writes the image too, and a chain goes on over that.
        const follow = format === 'qcow2' ? '--chain' : '--bitmap';
        if (format === 'raw') await tidemark('bitmap', 'add', drive, 'nightly', ...flags);
        for (let cycle = 0; cycle <= CYCLES; cycle++) {
          const args = [drive, backups, follow, 'nightly', '--json', ...flags];
          const { stdout } = await tidemark('backup', ...args);
          const { kind, reason } = JSON.parse(stdout) as { kind: string; reason: string };
          expect(kind, reason).toBe(cycle === 0 ? 'full' : 'incremental');
          const restored = join(dir, `restored-${cycle}.${format}`);
          expect(await tidemark('restore', backups, restored)).toMatchObject({ code: 0 });
          await run('qemu-img', 'compare', '-q', '-f', format, '-F', format, drive, restored);
          rmSync(restored);
          if (cycle === CYCLES) break;

          const daemon = await startDaemon(
            ...['-drive', `file=${drive},format=${format},id=vm`],
            ...['--nbd-server', `addr.type=unix,addr.path=${socket}`],
          );
          // On a busy machine the first one takes its time.
          const { promise: first, resolve: begun } = Promise.withResolvers<void>();
          const writing = writeUntilKilled(`nbd+unix:///vm?socket=${socket}`, cycle, begun);
          await Promise.race([first, writing]);
          await setTimeout(Math.random() * 400);
          await daemon.stop('SIGKILL');
          await writing;

          const image = format === 'raw' ? `${drive}.tidemark.qcow2` : drive;
          expect([0, 3]).toContain((await sh('qemu-img', 'check', '-q', image)).code);
          const [[name, bitmap] = ['', {}]] = Object.entries(await bitmapsOf(drive, ...flags));
          expect(bitmap).toMatchObject({ state: 'stored' });
          // In a sidecar it is in use to QEMU, which cannot know what became of the raw drive.
          const inUse = format === 'raw' ? ['in-use'] : [];
          expect(await bitmapFlags(image)).toEqual({ [name]: [...inUse, 'auto'] });
          if (format === 'raw') continue;
          expect(await dirtyByQemu(image, name)).toEqual(await dirtyRanges(drive, name));
          // QEMU goes on with it.
          if (cycle % 2 === 0)
            await qemuIo(drive, 'qcow2', `write -P ${cycle % 256} ${cycle % (SIZE / MIB)}M 64k`);
        }
      },
      CYCLES * 60_000,
    );
  },
);
