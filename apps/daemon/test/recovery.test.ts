import { once } from 'node:events';
import { join } from 'node:path';
import { createDrive } from '@tidemark/drive';
import { connectNbd } from '@tidemark/nbd';
import { QmpClient } from '@tidemark/qmp';
import { expect, it } from 'vitest';
import { startDaemon, tidemark } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { bitmapsOf } from './support/serving.ts';

const MiB = 1024 * 1024;
const SIZE = 64 * MiB;
/** Of which 4 MiB are marked at once. */
const WRITTEN = 9 * MiB;

interface Node {
  readonly 'dirty-bitmaps': readonly Readonly<Record<string, unknown>>[];
}

it.each(['qcow2', 'raw'] as const)(
  'what a killed daemon has left is told, until it is closed (%s)',
  async (format) => {
    const dir = tempDir();
    const drive = join(dir, `disk.${format}`);
    const backups = join(dir, 'backups');
    const socket = join(dir, 'nbd.sock');
    const flags = ['--format', format];
    const start = () =>
      startDaemon(
        ...['-drive', `file=${drive},format=${format},id=vm,durability=live`],
        ...['--nbd-server', `addr.type=unix,addr.path=${socket}`, '--qmp', `unix:${dir}/qmp.sock`],
      );
    const list = async (...args: readonly string[]) =>
      (await bitmapsOf(drive, ...flags, ...args))['nightly'];

    await (await createDrive(drive, { format, size: SIZE })).device.close();
    await tidemark('bitmap', 'add', drive, 'nightly', ...flags);
    await tidemark('backup', drive, backups, '--bitmap', 'nightly', ...flags);
    const first = await start();
    const disk = await connectNbd(`nbd+unix:///vm?socket=${socket}`);
    await disk.write(new Uint8Array(1000).fill(7), WRITTEN);
    const served = await tidemark('bitmap', 'list', drive, ...flags);
    expect(served).toMatchObject({ code: 5, stderr: expect.stringContaining('--force-share') });
    await first.stop('SIGKILL');
    await disk.close().catch(() => {});

    const recovered = { dirty: 4 * MiB, wholeRegions: 4 * MiB };
    const increment = {
      kind: 'incremental',
      reason: "bitmap 'nightly' began anew at '000001-full'",
    };
    const found = { state: 'stored', recovered, nextBackup: increment };
    expect(await list('--backups', backups)).toMatchObject(found);
    const { stdout } = await tidemark('bitmap', 'list', drive, '--backups', backups, ...flags);
    expect(stdout).toContain(
      'nightly was recovered after a session that was not closed: 4 MiB are dirty, of which at most 4 MiB',
    );
    expect(stdout).toContain(
      "nightly: the next backup is an increment, because bitmap 'nightly' began",
    );

    const second = await start();
    expect(second.stderr()).toContain(
      `bitmap 'nightly' of 'vm' was recovered after a session that was not closed: ${4 * MiB} bytes are ` +
        `dirty, of which at most ${4 * MiB} were not written; it records since its last backup, so the ` +
        'next one is an increment',
    );
    const qmp = await QmpClient.connect(join(dir, 'qmp.sock'));
    const [node] = (await qmp.execute('query-named-block-nodes')) as unknown as readonly Node[];
    expect(node!['dirty-bitmaps'][0]).toMatchObject({
      name: 'nightly',
      'x-tidemark-recovered': { dirty: 4 * MiB, 'whole-regions': 4 * MiB },
    });
    const ended = once(second.process, 'exit');
    await qmp.execute('quit');
    expect((await ended)[0]).toBe(0);

    const closed = await list('--backups', backups);
    expect(closed).toMatchObject({ state: 'stored', dirtyBytes: 4 * MiB, nextBackup: increment });
    expect(closed).not.toHaveProperty('recovered');
  },
  60_000,
);
