import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { connectNbd } from '@tidemark/nbd';
import type { JsonObject, JsonValue, QmpClient } from '@tidemark/qmp';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { type DaemonName, DAEMONS, startEither } from './support/either-daemon.ts';
import { bitmapFlags, dirtyByQemu, dirtyOf } from './support/qemu-view.ts';

const GRANULE = 65_536;
const SIZE = 2 * 1024 * 1024;

/** What both programs have to answer alike, step by step. */
class Life {
  readonly told: unknown[] = [];
  readonly #events: JsonObject[] = [];
  readonly #qmp: QmpClient;
  readonly #dir: string;

  constructor(qmp: QmpClient, dir: string) {
    this.#qmp = qmp;
    this.#dir = dir;
    qmp.onEvent((event) => void this.#events.push(event));
  }

  /** All so far. QEMU tells of jobs that it pauses for a moment, for reasons of its own. */
  tellEvents(): void {
    const paused = new Set<unknown>();
    for (const { event, data, timestamp } of this.#events) {
      if (timestamp === undefined) throw new Error('an event has no timestamp');
      const { id, status } = data as JsonObject;
      const isBack = status === 'running' && paused.delete(id);
      if (status === 'paused') paused.add(id);
      if (status !== 'paused' && !isBack) this.told.push([event, data]);
    }
  }

  async do(command: string, args?: JsonObject): Promise<JsonValue> {
    const answer = await this.#qmp.execute(command, args).catch((error: unknown) => String(error));
    this.told.push([command, args, answer]);
    return answer;
  }

  /** Anonymous ones are QEMU's own; members and their order apart, the others are the same. */
  async bitmaps(): Promise<void> {
    const nodes = (await this.#qmp.execute('query-named-block-nodes')) as readonly JsonObject[];
    const named = nodes.flatMap((node) => {
      const bitmaps = (node['dirty-bitmaps'] ?? []) as readonly JsonObject[];
      return bitmaps
        .filter(({ name }) => name !== undefined)
        .map((bitmap) => [node['node-name'], bitmap]);
    });
    this.told.push(named.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)));
  }

  async count(node: string, bitmap: string): Promise<number> {
    const nodes = (await this.#qmp.execute('query-named-block-nodes')) as readonly JsonObject[];
    const found = nodes.find((each) => each['node-name'] === node)!;
    const bitmaps = found['dirty-bitmaps'] as readonly JsonObject[];
    return Number(bitmaps.find(({ name }) => name === bitmap)!['count']);
  }

  async write(name: string, granule: number, byte: number): Promise<void> {
    await using disk = await connectNbd(this.uri(name));
    await disk.write(new Uint8Array(GRANULE).fill(byte), granule * GRANULE);
    await disk.flush();
  }

  async map(name: string, bitmap: string): Promise<void> {
    this.told.push([name, bitmap, await dirtyOf(this.uri(name), bitmap)]);
  }

  uri(name: string): string {
    return `nbd+unix:///${name}?socket=${this.#dir}/nbd.sock`;
  }

  /** Bytes of each granule, as a reader of the image sees them. */
  async content(file: string): Promise<void> {
    const raw = join(this.#dir, 'content.raw');
    await run('qemu-img', 'convert', '-U', '-O', 'raw', join(this.#dir, file), raw);
    this.told.push([file, await run('sha256sum', raw).then((text) => text.slice(0, 64))]);
  }

  /** Waits until the job is over. */
  async job(id: string): Promise<void> {
    for (;;) {
      const jobs = (await this.#qmp.execute('query-jobs')) as readonly JsonObject[];
      const job = jobs.find((each) => each['id'] === id)!;
      if (job['status'] !== 'concluded') continue;
      this.told.push(job);
      await this.do('job-dismiss', { id });
      return;
    }
  }
}

async function addDrive(life: Life, name: string): Promise<void> {
  await life.do('blockdev-add', {
    driver: 'file',
    'node-name': `${name}f`,
    filename: `${name}.qcow2`,
  });
  await life.do('blockdev-add', { driver: 'qcow2', 'node-name': name, file: `${name}f` });
}

const action = (type: string, data: JsonObject) => ({ type, data });
const exportOf = (name: string, more: JsonObject = {}) => ({
  type: 'nbd',
  id: `x${name}`,
  'node-name': name,
  writable: true,
  ...more,
});

/** A whole life of bitmaps on two drives, over QMP and NBD. */
async function live(
  daemon: DaemonName,
  dir: string,
): Promise<{ readonly told: readonly unknown[]; readonly grown: number }> {
  for (const name of ['a', 'b', 't', 'u']) {
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', join(dir, `${name}.qcow2`), String(SIZE));
  }
  const { qmp, ended } = await startEither(daemon, dir);
  const life = new Life(qmp, dir);
  await addDrive(life, 'a');
  await addDrive(life, 'b');
  await life.do('nbd-server-start', {
    addr: { type: 'unix', data: { path: join(dir, 'nbd.sock') } },
  });
  for (const node of ['a', 'b']) {
    await life.do('block-dirty-bitmap-add', { node, name: 'day', persistent: true });
    await life.do('block-dirty-bitmap-add', { node, name: 'day', persistent: true });
    await life.do('block-export-add', exportOf(node));
  }
  await life.write('a', 0, 1);
  await life.write('a', 5, 2);
  await life.write('b', 7, 3);
  await life.bitmaps();
  for (const node of ['a', 'b']) {
    await life.do('x-debug-block-dirty-bitmap-sha256', { node, name: 'day' });
  }

  // What was dirty so far goes to another bitmap, at one instant on both drives.
  const taken = ['a', 'b'].flatMap((node) => [
    action('block-dirty-bitmap-add', { node, name: 'taken', disabled: true }),
    action('block-dirty-bitmap-merge', { node, target: 'taken', bitmaps: ['day'] }),
    action('block-dirty-bitmap-clear', { node, name: 'day' }),
  ]);
  await life.do('transaction', { actions: [...taken, action('abort', {})] });
  await life.bitmaps();
  await life.do('transaction', { actions: taken });
  await life.do('block-dirty-bitmap-merge', {
    node: 'a',
    target: 'taken',
    bitmaps: [{ node: 'b', name: 'taken' }],
  });
  await life.write('a', 9, 4);
  await life.bitmaps();

  await life.do('block-export-del', { id: 'xa' });
  await life.do('block-export-add', exportOf('a', { bitmaps: ['taken', 'day'], writable: true }));
  await life.map('a', 'taken');
  await life.map('a', 'day');
  await life.do('block-dirty-bitmap-clear', { node: 'a', name: 'day' });
  await life.do('block_resize', { 'node-name': 'a', size: SIZE * 2 });
  await life.do('query-block-exports');
  await life.do('block-export-del', { id: 'xa' });
  await life.do('block-export-add', exportOf('a'));

  // All of it, and then what was written since.
  await addDrive(life, 't');
  const backup = { device: 'a', target: 't', 'auto-dismiss': false };
  const full = {
    ...backup,
    'job-id': 'full',
    sync: 'full',
    bitmap: 'day',
    'bitmap-mode': 'on-success',
  };
  await life.do('blockdev-backup', full);
  await life.job('full');
  await life.bitmaps();
  await life.write('a', 3, 5);
  await life.write('a', 30, 6);
  const increment = { ...backup, 'job-id': 'inc', sync: 'incremental', bitmap: 'day' };
  await life.do('blockdev-backup', increment);
  await life.job('inc');
  await life.bitmaps();

  await addDrive(life, 'u');
  await life.write('b', 8, 7);
  const bitmapJob = { device: 'b', target: 'u', 'auto-dismiss': false, 'job-id': 'never' };
  await life.do('blockdev-backup', {
    ...bitmapJob,
    sync: 'bitmap',
    bitmap: 'day',
    'bitmap-mode': 'never',
  });
  await life.job('never');
  await life.bitmaps();

  await life.do('blockdev-del', { 'node-name': 'a' });
  await life.do('nbd-server-stop');
  await life.do('block_resize', { 'node-name': 'a', size: SIZE * 2 });
  const grown = await life.count('a', 'day');
  await life.do('block-dirty-bitmap-clear', { node: 'a', name: 'day' });
  await life.do('block-dirty-bitmap-remove', { node: 'a', name: 'taken' });
  await life.do('block-dirty-bitmap-disable', { node: 'b', name: 'day' });
  for (const node of ['u', 'uf', 't', 'tf']) await life.do('blockdev-del', { 'node-name': node });
  await life.do('blockdev-del', { 'node-name': 'bf' });
  await life.bitmaps();
  await life.do('quit');
  life.tellEvents();
  life.told.push(await ended);

  // Only now: QEMU keeps tables in memory until it closes an image.
  for (const name of ['a', 'b', 't', 'u']) await life.content(`${name}.qcow2`);
  for (const name of ['a', 'b']) {
    const image = join(dir, `${name}.qcow2`);
    life.told.push(await bitmapFlags(image), await dirtyByQemu(image, 'day'));
    life.told.push(await run('qemu-img', 'check', '-q', image));
  }
  return { told: life.told, grown };
}

const TOOLS = ['qemu-storage-daemon', 'qemu-img', 'qemu-nbd', 'nbdinfo'] as const;

describeWithQemu('a life of bitmaps, by qemu-storage-daemon and by tidemarkd', TOOLS, () => {
  const root = tempDir();

  it('is the same, answer by answer, on disk and over NBD', async () => {
    const told: Record<string, readonly unknown[]> = {};
    const grown: Record<string, number> = {};
    for (const name of Object.keys(DAEMONS) as DaemonName[]) {
      const dir = join(root, name);
      mkdirSync(dir);
      // Paths stand in some answers.
      const life = await live(name, dir);
      told[name] = JSON.parse(JSON.stringify(life.told).replaceAll(dir, 'DIR')) as unknown[];
      grown[name] = life.grown;
    }
    expect(told['tidemarkd']).toEqual(told['qemu-storage-daemon']);
    expect(told['tidemarkd']!.length).toBeGreaterThan(85);
    expect(JSON.stringify(told['tidemarkd'])).toContain('BLOCK_JOB_COMPLETED');
    // What is added to a drive differs from what a backup has of it, so with us it is dirty.
    expect(grown).toEqual({ 'qemu-storage-daemon': 0, tidemarkd: SIZE });
  }, 300_000);
});
