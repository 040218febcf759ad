import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createDrive, openDrive } from '@tidemark/drive';
import { connectNbd } from '@tidemark/nbd';
import { QmpClient } from '@tidemark/qmp';
import { describe, expect, it } from 'vitest';
import { type Daemon, startDaemon, tidemark } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { bitmapsOf } from './support/serving.ts';

const MiB = 1024 * 1024;
const SIZE = 96 * MiB;
const GRANULE = 65_536;

interface Rescan {
  readonly status: string;
  readonly done: number;
  readonly error?: string;
}

async function succeed(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await tidemark(...args);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return stdout;
}

async function contentOf(path: string, format: 'raw' | 'qcow2'): Promise<Buffer> {
  const { device } = await openDrive(path, { format });
  const bytes = Buffer.alloc(device.size);
  await device.read(bytes, 0);
  await device.close();
  return bytes;
}

/** Offsets of the granules that differ. */
function differing(a: Buffer, b: Buffer): readonly number[] {
  const offsets: number[] = [];
  for (let at = 0; at < SIZE; at += GRANULE) {
    if (!a.subarray(at, at + GRANULE).equals(b.subarray(at, at + GRANULE))) offsets.push(at);
  }
  return offsets;
}

describe.each(['qcow2', 'raw'] as const)('a rescan of a %s drive that is served', (format) => {
  const dir = tempDir();
  const drive = join(dir, `disk.${format}`);
  const backups = join(dir, 'backups');
  const flags = ['--format', format];
  const socket = join(dir, 'nbd.sock');
  const byBitmap = [...flags, '--bitmap', 'nightly'];

  const start = () =>
    startDaemon(
      ...['-drive', `file=${drive},format=${format},id=vm,durability=live`],
      ...['--nbd-server', `addr.type=unix,addr.path=${socket}`, '--qmp', `unix:${dir}/qmp.sock`],
    );

  const begin = async (qmp: QmpClient) =>
    qmp.execute('x-tidemark-rescan', { node: 'vm', name: 'nightly', directory: backups });

  const progress = async (qmp: QmpClient): Promise<Rescan> =>
    ((await qmp.execute('x-tidemark-query-rescans')) as unknown as readonly Rescan[])[0]!;

  /** Writes here and there as a guest does, while `work` runs or until the server is gone. */
  async function writing(work: () => Promise<void>): Promise<number> {
    const disk = await connectNbd(`nbd+unix:///vm?socket=${socket}`);
    let written = 0;
    const stop = new AbortController();
    const writer = async () => {
      while (!stop.signal.aborted) {
        const offset = Math.floor(Math.random() * (SIZE / 512 - 8)) * 512;
        await disk.write(randomBytes(512), offset);
        written += 1;
      }
    };
    const writers = [writer(), writer()].map((each) => each.catch(() => {}));
    await work();
    stop.abort();
    await Promise.all(writers);
    await disk.close().catch(() => {});
    return written;
  }

  async function loseBitmap(): Promise<void> {
    if (format === 'qcow2') await succeed('bitmap', 'remove', drive, 'nightly', ...flags);
    const { device } = await openDrive(drive, { format, access: 'write' });
    await device.write(randomBytes(1000), 40 * MiB);
    await device.close();
  }

  async function expectIncrementToBeRight(name: string): Promise<void> {
    const made = JSON.parse(await succeed('backup', drive, backups, ...byBitmap, '--json')) as {
      kind: string;
      reason: string;
      totals: { dataBytes: number };
    };
    expect(made.kind, made.reason).toBe('incremental');
    const restored = join(dir, `${name}.${format}`);
    await succeed('restore', backups, restored);
    expect(differing(await contentOf(restored, format), await contentOf(drive, format))).toEqual(
      [],
    );
  }

  it('goes on beside writes, and the next backup is an increment that is right', async () => {
    await (await createDrive(drive, { format, size: SIZE })).device.close();
    const { device } = await openDrive(drive, { format, access: 'write' });
    await device.write(randomBytes(64 * MiB), 0);
    await device.close();
    await succeed('bitmap', 'add', drive, 'nightly', ...flags);
    await succeed('backup', drive, backups, ...byBitmap);
    await loseBitmap();
    const daemon = await start();
    const qmp = await QmpClient.connect(join(dir, 'qmp.sock'));
    const written = await writing(async () => {
      await begin(qmp);
      while ((await progress(qmp)).status === 'running');
    });
    expect(written).toBeGreaterThan(0);
    expect(await progress(qmp)).toMatchObject({ status: 'completed', done: SIZE, total: SIZE });
    const ended = once(daemon.process, 'exit');
    await qmp.execute('quit');
    await ended;
    expect(daemon.stderr()).toContain("bitmap 'nightly' of 'vm' is what differs from");
    await expectIncrementToBeRight('completed');
  }, 120_000);

  it('loses only progress when the daemon is killed', async () => {
    await loseBitmap();
    const daemon = await start();
    const qmp = await QmpClient.connect(join(dir, 'qmp.sock'));
    await writing(async () => {
      await begin(qmp);
      expect(await progress(qmp)).toMatchObject({ status: 'running' });
      await daemon.stop('SIGKILL');
    });
    expect(await bitmapsOf(drive, ...flags)).toMatchObject({ nightly: { state: 'stored' } });
    await expectIncrementToBeRight('killed');
  }, 120_000);

  it('can be cancelled, and is told of when it cannot begin or is over', async () => {
    await loseBitmap();
    const daemon: Daemon = await start();
    const qmp = await QmpClient.connect(join(dir, 'qmp.sock'));
    const vm = { node: 'vm', name: 'nightly' };
    const none = qmp.execute('x-tidemark-cancel-rescan', vm);
    await expect(none).rejects.toThrow("there is no rescan of bitmap 'nightly' of 'vm'");
    const elsewhere = { ...vm, directory: join(dir, 'none') };
    await expect(qmp.execute('x-tidemark-rescan', elsewhere)).rejects.toThrow(
      'no such file or directory',
    );
    await begin(qmp);
    await qmp.execute('x-tidemark-cancel-rescan', vm);
    while ((await progress(qmp)).status === 'running');
    expect(await progress(qmp)).toMatchObject({ status: 'cancelled' });
    await begin(qmp);
    // A clean end in the middle keeps what is known.
    expect(await daemon.stop()).toMatchObject({ code: 0 });
    await expectIncrementToBeRight('stopped');
  }, 120_000);
});

describe('a rescan by a repository, of a drive that is served', () => {
  const dir = tempDir();
  const drive = join(dir, 'disk.qcow2');
  const repository = join(dir, 'repository');

  it('reads no more than what another bitmap calls dirty', async () => {
    await (await createDrive(drive, { format: 'qcow2', size: SIZE })).device.close();
    await succeed('repo', 'create', repository);
    for (const name of ['weekly', 'nightly']) {
      const { device } = await openDrive(drive, { format: 'qcow2', access: 'write' });
      await device.write(randomBytes(MiB), 0);
      await device.close();
      await succeed('bitmap', 'add', drive, name);
      await succeed('backup', drive, repository, '--bitmap', name);
    }
    await succeed('bitmap', 'remove', drive, 'nightly');
    const daemon = await startDaemon(
      ...['-drive', `file=${drive},format=qcow2,id=vm,durability=live`],
      ...['--qmp', `unix:${dir}/qmp.sock`],
    );
    const qmp = await QmpClient.connect(join(dir, 'qmp.sock'));
    const rescan = async (about: Readonly<Record<string, boolean>>): Promise<unknown> => {
      const vm = { node: 'vm', name: 'nightly', directory: repository };
      await qmp.execute('x-tidemark-rescan', { ...vm, ...about });
      for (;;) {
        const [told] = (await qmp.execute('x-tidemark-query-rescans')) as unknown as [Rescan];
        if (told.status !== 'running') return told;
      }
    };
    const known = SIZE - MiB;
    const first = {
      status: 'completed',
      point: '2',
      dirty: 0,
      clean: SIZE,
      known,
      trusts: 'weekly',
    };
    expect(await rescan({})).toMatchObject(first);
    await qmp.execute('block-dirty-bitmap-remove', { node: 'vm', name: 'nightly' });
    const all = await rescan({ all: true });
    expect(all).toMatchObject({ status: 'completed', dirty: 0, known: 0 });
    expect(all).not.toHaveProperty('trusts');
    await daemon.stop('SIGTERM');
  }, 60_000);
});
