import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createDrive } from '@tidemark/drive';
import { connectNbd } from '@tidemark/nbd';
import { type JsonValue, QmpClient } from '@tidemark/qmp';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Daemon, startDaemon } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { bitmapsOf, dirtyRanges, guestWrite } from './support/serving.ts';

const SIZE = 16 * 1024 * 1024;
const GRANULE = 65_536;
const root = tempDir();
let dir = '';
let count = 0;

beforeEach(() => {
  dir = join(root, String(count++));
  mkdirSync(dir);
});

const uriOf = (id: string) => `nbd+unix:///${id}?socket=${dir}/nbd.sock`;

/** A daemon with a drive of each format, `a` (qcow2) and `b` (raw with a sidecar). */
async function start(): Promise<{ daemon: Daemon; qmp: QmpClient }> {
  const [a, b] = [join(dir, 'a.qcow2'), join(dir, 'b.raw')];
  await (await createDrive(a, { format: 'qcow2', size: SIZE })).device.close();
  await (await createDrive(b, { format: 'raw', size: SIZE })).device.close();
  const daemon = await startDaemon(
    ...['-drive', `file=${a},id=a`, '-drive', `file=${b},format=raw,id=b`],
    ...['-dirty-bitmap', 'name=n,drive=a,create=on', '-dirty-bitmap', 'name=n,drive=b,create=on'],
    ...[
      '--nbd-server',
      `addr.type=unix,addr.path=${dir}/nbd.sock`,
      '--qmp',
      `unix:${dir}/qmp.sock`,
    ],
  );
  return { daemon, qmp: await QmpClient.connect(join(dir, 'qmp.sock')) };
}

async function bitmapNames(qmp: QmpClient, node: string): Promise<readonly string[]> {
  const nodes = (await qmp.execute('query-named-block-nodes')) as unknown as {
    'node-name': string;
    'dirty-bitmaps'?: { name: string }[];
  }[];
  const found = nodes.find((each) => each['node-name'] === node);
  return (found?.['dirty-bitmaps'] ?? []).map(({ name }) => name);
}

const action = (type: string, data: Record<string, JsonValue>) => ({ type, data });

describe('QMP of the daemon', () => {
  it('changes bitmaps while their drive is written, and ends the daemon', async () => {
    const { daemon, qmp } = await start();
    await guestWrite(uriOf('a'), 0, 1);
    const added = { node: 'a', name: 'second', persistent: true, granularity: 4096 };
    await qmp.execute('block-dirty-bitmap-add', added);
    await guestWrite(uriOf('a'), 8 * GRANULE, 1);
    await qmp.execute('block-dirty-bitmap-clear', { node: 'a', name: 'n' });
    await guestWrite(uriOf('a'), 16 * GRANULE, 1);
    await qmp.execute('block-dirty-bitmap-disable', { node: 'a', name: 'n' });
    await guestWrite(uriOf('a'), 24 * GRANULE, 1);
    expect(await bitmapNames(qmp, 'a')).toEqual(['second', 'n']);
    const exited = new Promise((resolve) => daemon.process.once('exit', resolve));
    await qmp.execute('quit');
    expect(await exited).toBe(0);

    const a = join(dir, 'a.qcow2');
    expect(await dirtyRanges(a, 'n')).toEqual([[16 * GRANULE, GRANULE]]);
    expect(await dirtyRanges(a, 'second')).toEqual([
      [8 * GRANULE, 4096],
      [16 * GRANULE, 4096],
      [24 * GRANULE, 4096],
    ]);
    expect(await bitmapsOf(a)).toMatchObject({ n: { enabled: false }, second: { enabled: true } });
  });

  it('makes all changes of a transaction over two drives, or none', async () => {
    const { daemon, qmp } = await start();
    for (const id of ['a', 'b']) await guestWrite(uriOf(id), GRANULE, 1);
    const changes = ['a', 'b'].flatMap((node) => [
      action('block-dirty-bitmap-add', { node, name: 'kept', persistent: true, disabled: true }),
      action('block-dirty-bitmap-merge', { node, target: 'kept', bitmaps: ['n'] }),
      action('block-dirty-bitmap-clear', { node, name: 'n' }),
    ]);
    const failing = [...changes, action('abort', {})];
    await expect(qmp.execute('transaction', { actions: failing })).rejects.toThrow(
      'Transaction aborted using Abort action',
    );
    for (const id of ['a', 'b']) expect(await bitmapNames(qmp, id)).toEqual(['n']);
    await qmp.execute('transaction', { actions: changes });
    expect(await daemon.stop()).toMatchObject({ code: 0 });
    for (const file of ['a.qcow2', 'b.raw']) {
      expect(await dirtyRanges(join(dir, file), 'kept')).toEqual([[GRANULE, GRANULE]]);
      expect(await dirtyRanges(join(dir, file), 'n')).toEqual([]);
    }
  });

  it('shows new bitmaps to NBD clients, and does not let them read a removed one', async () => {
    const { daemon, qmp } = await start();
    await qmp.execute('block-dirty-bitmap-add', { node: 'b', name: 'late', persistent: true });
    await guestWrite(uriOf('b'), 0, 1);
    const context = 'qemu:dirty-bitmap:late';
    {
      await using disk = await connectNbd(uriOf('b'), { contexts: [context] });
      const flags = async () => {
        const seen: number[] = [];
        for await (const run of disk.contextExtents(context, 0, 2 * GRANULE)) seen.push(run.flags);
        return seen;
      };
      expect(await flags()).toEqual([1, 0]);
      await qmp.execute('block-dirty-bitmap-remove', { node: 'b', name: 'late' });
      await expect(flags()).rejects.toThrow("'late'");
      // Another one of that name is not the one that was asked for.
      await qmp.execute('block-dirty-bitmap-add', { node: 'b', name: 'late', persistent: true });
      await expect(flags()).rejects.toThrow("'late'");
    }
    expect(await daemon.stop()).toMatchObject({ code: 0 });
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('is closed in order by %s', async (signal) => {
    const { daemon } = await start();
    await guestWrite(uriOf('a'), 0, 1);
    await guestWrite(uriOf('b'), GRANULE, 1);
    expect(await daemon.stop(signal)).toMatchObject({ code: 0 });
    expect(await dirtyRanges(join(dir, 'a.qcow2'), 'n')).toEqual([[0, GRANULE]]);
    expect(await dirtyRanges(join(dir, 'b.raw'), 'n')).toEqual([[GRANULE, GRANULE]]);
  });

  it.each(['a', 'b'])('resizes drive %s with its bitmaps, while clients stay', async (id) => {
    const { daemon, qmp } = await start();
    await guestWrite(uriOf(id), 0, 1);
    await using before = await connectNbd(uriOf(id));
    await qmp.execute('block_resize', { 'node-name': id, size: 2 * SIZE });
    await before.write(new Uint8Array(1), 3 * GRANULE);
    await guestWrite(uriOf(id), 2 * SIZE - 1, 1);
    await qmp.execute('block_resize', { device: id, size: SIZE / 2 });
    const behind = before.write(new Uint8Array(1), SIZE - 1);
    await expect(behind).rejects.toMatchObject({ code: expect.any(String) });
    await before.read(new Uint8Array(1), SIZE / 2 - 1);
    await qmp.execute('block_resize', { 'node-name': id, size: SIZE });
    const after = await connectNbd(uriOf(id));
    expect(after.size).toBe(SIZE);
    await after.close();
    await before.close();
    expect(await daemon.stop()).toMatchObject({ code: 0 });
    const path = join(dir, id === 'a' ? 'a.qcow2' : 'b.raw');
    const format = id === 'a' ? 'qcow2' : 'raw';
    expect(await dirtyRanges(path, 'n', '--format', format)).toEqual([
      [0, GRANULE],
      [3 * GRANULE, GRANULE],
      [SIZE / 2, SIZE / 2],
    ]);
  });

  it('A18: nothing but a command clears a bitmap: no client that goes, and no restart', async () => {
    const { daemon, qmp } = await start();
    await guestWrite(uriOf('a'), 3 * GRANULE, 1);
    const reader = await connectNbd(uriOf('a'));
    await reader.read(new Uint8Array(GRANULE), 3 * GRANULE);
    await reader.close();
    await qmp.close();
    await daemon.stop('SIGKILL');
    const again = await startDaemon(
      ...['-drive', `file=${join(dir, 'a.qcow2')},id=a`],
      ...['--nbd-server', `addr.type=unix,addr.path=${dir}/nbd.sock`],
    );
    await again.stop();
    const dirty = await dirtyRanges(join(dir, 'a.qcow2'), 'n');
    expect(dirty.some(([offset = 0, length = 0]) => isIn(3 * GRANULE, offset, length))).toBe(true);
  });
});

const isIn = (at: number, offset: number, length: number) => at >= offset && at < offset + length;
