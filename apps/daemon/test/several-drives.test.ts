import { mkdirSync, readdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { createDrive } from '@tidemark/drive';
import { QmpClient } from '@tidemark/qmp';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Daemon, startDaemon } from '../../../tools/programs.ts';
import { tempDir } from '../../../tools/qemu.ts';
import { bitmapsOf, guestWrite } from './support/serving.ts';

const SIZE = 16 * 1024 * 1024;
const GRANULE = 65_536;
const root = tempDir();
const IDS = ['a', 'b', 'c'];
let dir = '';
let count = 0;

beforeEach(async () => {
  dir = join(root, String(count++));
  mkdirSync(join(dir, 'checkpoints'), { recursive: true });
  for (const id of IDS) {
    await (await createDrive(pathOf(id), { format: formatOf(id), size: SIZE })).device.close();
  }
});

const formatOf = (id: string) => (id === 'b' ? 'raw' : 'qcow2');
const pathOf = (id: string) => join(dir, `${id}.${formatOf(id)}`);
const uriOf = (id: string) => `nbd+unix:///${id}?socket=${dir}/nbd.sock`;

async function start(...options: readonly string[]): Promise<Daemon> {
  return startDaemon(
    ...IDS.flatMap((id) => ['-drive', `file=${pathOf(id)},format=${formatOf(id)},id=${id}`]),
    ...['--nbd-server', `addr.type=unix,addr.path=${dir}/nbd.sock`],
    ...['--qmp', `unix:${dir}/qmp.sock`, '--checkpoints', join(dir, 'checkpoints'), ...options],
  );
}

const making = IDS.flatMap((id) => ['-dirty-bitmap', `name=n,drive=${id},create=on`]);
const clears = IDS.map((node) => ({
  type: 'block-dirty-bitmap-clear',
  data: { node, name: 'n' },
}));

/** What is told of the bitmap of each drive at rest. */
async function told(): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const found = [];
  for (const id of IDS) {
    const { n } = await bitmapsOf(pathOf(id), '--checkpoints', join(dir, 'checkpoints'));
    found.push(n!);
  }
  return found;
}

const checkpointsOf = (bitmaps: readonly Readonly<Record<string, unknown>>[]) =>
  new Set(bitmaps.map(({ checkpoint }) => checkpoint));

describe('a transaction over three drives with --checkpoints', () => {
  it('gives their bitmaps one checkpoint', async () => {
    const daemon = await start(...making);
    const qmp = await QmpClient.connect(join(dir, 'qmp.sock'));
    for (const id of IDS) await guestWrite(uriOf(id), 0, 1);
    await qmp.execute('transaction', { actions: clears });
    await guestWrite(uriOf('b'), 8 * GRANULE, 1);
    expect(await daemon.stop()).toMatchObject({ code: 0 });
    const bitmaps = await told();
    expect(checkpointsOf(bitmaps)).toEqual(new Set([expect.stringMatching(/^[0-9a-f]{32}$/)]));
    expect(bitmaps.map(({ dirtyBytes }) => dirtyBytes)).toEqual([0, GRANULE, 0]);
    expect(readdirSync(join(dir, 'checkpoints'))).toEqual([]);
  });

  // As the folder changes: the file is made, gets its name, and goes.
  it.each([1, 2, 3, 4])(
    'is made on all or on none after kill -9 at the %i. change of the folder',
    async (nth) => {
      const daemon = await start(...making);
      const qmp = await QmpClient.connect(join(dir, 'qmp.sock'));
      for (const id of IDS) await guestWrite(uriOf(id), 0, 1);
      const died = new Promise((resolve) => daemon.process.once('exit', resolve));
      let changes = 0;
      const watching = watch(join(dir, 'checkpoints'), () => {
        if (++changes === nth) daemon.process.kill('SIGKILL');
      });
      await qmp.execute('transaction', { actions: clears }).catch(() => {});
      if (changes < nth) daemon.process.kill('SIGKILL');
      await died;
      watching.close();

      const next = await start();
      for (const id of IDS) await guestWrite(uriOf(id), 8 * GRANULE, 1);
      expect(await next.stop()).toMatchObject({ code: 0 });
      const bitmaps = await told();
      expect(checkpointsOf(bitmaps).size).toBe(1);
      expect(bitmaps.map(({ state }) => state)).toEqual(['stored', 'stored', 'stored']);
      for (const { checkpoint, dirtyBytes } of bitmaps) {
        // Both granules where nothing begins at the checkpoint.
        const least = checkpoint === undefined ? 2 * GRANULE : GRANULE;
        expect(dirtyBytes).toBeGreaterThanOrEqual(least);
      }
      const left = readdirSync(join(dir, 'checkpoints')).filter((name) => name.endsWith('.json'));
      expect(left).toEqual([]);
    },
  );
});
