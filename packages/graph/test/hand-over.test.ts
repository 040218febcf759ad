import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createDrive } from '@tidemark/drive';
import { connectNbd } from '@tidemark/nbd';
import { beforeEach, describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { CuttingProxy } from './support/cutting-proxy.ts';
import { countOf, GRANULE, MIB, newWorld, qcow2, raw, type World, write } from './support/world.ts';

const SIZE = 8 * MIB;
const dir = tempDir();
const image = join(dir, 'vm.qcow2');
const listening = join(dir, 'target.sock');
const between = join(dir, 'between.sock');
const unix = (path: string) => ({ type: 'unix', path }) as const;

interface Pair extends AsyncDisposable {
  readonly source: World;
  readonly target: World;
  readonly proxy: CuttingProxy;
  readonly uri: (side: 'source' | 'target') => string;
  /** Hands over, with the proxy in between. @returns the refusal, if it is one */
  readonly handOver: (timeout?: number) => Promise<string | undefined>;
}

async function newPair(): Promise<Pair> {
  rmSync(image, { force: true });
  await (await createDrive(image, { format: 'qcow2', size: SIZE })).device.close();
  const [source, target] = [newWorld(), newWorld()];
  await source.graph.addNode(qcow2('vm', image));
  for (const [side, { graph }] of [
    ['source', source],
    ['target', target],
  ] as const) {
    await graph.nbd.start({ address: unix(join(dir, `${side}.nbd`)) });
  }
  const add = (name: string, persistent: boolean) =>
    ({ op: 'add', node: 'vm', name, persistent, disabled: false, granularity: GRANULE }) as const;
  await source.graph.transaction([add('kept', true), add('memory', false), add('shown', true)]);
  const shown = { 'node-name': 'vm', writable: true, bitmaps: ['shown'] };
  await source.graph.exports.add({ id: 'vm', ...shown });
  await write(source, 'vm', 0, GRANULE, 1);
  await target.graph.handOvers.expect({ options: qcow2('vm', image), address: unix(listening) });
  const proxy = await CuttingProxy.start(between, listening);
  const handOver = async (timeout = 5000) => {
    const to = unix(between);
    const given = source.graph.handOvers.give({ node: 'vm', to, timeout });
    return given.then(
      () => undefined,
      (error: Error) => error.message,
    );
  };
  const end = async () => {
    await proxy[Symbol.asyncDispose]();
    await target.graph.close();
    await source.graph.close();
  };
  const uri = (side: string) => `nbd+unix:///vm?socket=${join(dir, `${side}.nbd`)}`;
  return { source, target, proxy, uri, handOver, [Symbol.asyncDispose]: end };
}

const counts = async (world: World) =>
  Promise.all(['kept', 'memory', 'shown'].map((name) => countOf(world, 'vm', name)));

const statusOf = ({ graph }: World) => graph.handOvers.list().at(-1)?.status;

describe('a hand-over', () => {
  let pair: Pair;
  beforeEach(async () => {
    pair = await newPair();
    return () => pair[Symbol.asyncDispose]();
  });

  it('moves a drive with its bitmaps and exports', async () => {
    const { source, target, handOver, uri } = pair;
    expect(await handOver()).toBeUndefined();
    expect(source.graph.nodes.list()).toEqual([]);
    expect(source.graph.exports.list()).toEqual([]);
    await write(target, 'vm', MIB, GRANULE, 2);
    expect(await counts(target)).toEqual([2 * GRANULE, 2 * GRANULE, 2 * GRANULE]);
    await using disk = await connectNbd(uri('target'), { contexts: ['qemu:dirty-bitmap:shown'] });
    let dirty = 0;
    for await (const { flags, length } of disk.contextExtents('qemu:dirty-bitmap:shown', 0, SIZE)) {
      if (flags === 1) dirty += length;
    }
    expect(dirty).toBe(2 * GRANULE);
    expect(source.events.map(({ name }) => name).filter((name) => /HAND/.test(name))).toEqual([
      'HANDOVER_STARTED',
      'HANDOVER_PAUSED',
      'HANDOVER_COMPLETED',
    ]);
    expect([statusOf(source), statusOf(target)]).toEqual(['completed', 'completed']);
  });

  it('makes a writer wait, and its client asks the target', async () => {
    const { source, target, handOver, proxy, uri } = pair;
    await using disk = await connectNbd(uri('source'), { reconnect: 30_000 });
    await disk.write(Buffer.alloc(GRANULE, 3), 2 * GRANULE);
    let waiting: Promise<void> | undefined;
    proxy.onMessage = (type) => {
      // It waits at the source, which has closed its files, and is never answered there.
      if (type === 'take') waiting = disk.write(Buffer.alloc(GRANULE, 4), 4 * GRANULE);
      return true;
    };
    expect(await handOver()).toBeUndefined();
    // A service that follows the drive: the source's address is the target's now.
    await source.graph.exports.stopServer();
    await target.graph.exports.stopServer();
    await target.graph.nbd.start({ address: unix(join(dir, 'source.nbd')) });
    await target.graph.exports.add({ id: 'vm', 'node-name': 'vm', writable: true });
    await waiting;
    await disk.flush();
    const bytes = Buffer.alloc(GRANULE);
    await target.graph.nodes.get('vm')!.device.read(bytes, 4 * GRANULE);
    expect(bytes.every((byte) => byte === 4)).toBe(true);
    expect(await counts(target)).toEqual([3 * GRANULE, 3 * GRANULE, 3 * GRANULE]);
  });

  it.each(['offer', 'ready', 'take'])(
    'that is cut off at its %s leaves the source as it was, to be tried again',
    async (message) => {
      const { source, target, proxy, handOver, uri } = pair;
      const disk = await connectNbd(uri('source'), { contexts: ['qemu:dirty-bitmap:shown'] });
      proxy.onMessage = (type) => type !== message;
      expect(await handOver()).toMatch(/gone|handed over/);
      // Over the same connection: its client has noticed nothing.
      await disk.write(Buffer.alloc(GRANULE, 5), 6 * GRANULE);
      let dirty = 0;
      const shown = 'qemu:dirty-bitmap:shown';
      for await (const { flags, length } of disk.contextExtents(shown, 0, SIZE)) {
        if (flags === 1) dirty += length;
      }
      await disk.close();
      expect(dirty).toBe(2 * GRANULE);
      expect(await counts(source)).toEqual([2 * GRANULE, 2 * GRANULE, 2 * GRANULE]);
      expect(target.graph.nodes.list()).toEqual([]);
      expect([statusOf(source), statusOf(target)]).toEqual(['failed', 'failed']);
      const drive = await source.graph.nodes.get('vm')!.drive();
      expect((await drive.list()).map(({ name }) => name).toSorted()).toEqual([
        ...['kept', 'memory', 'shown'],
      ]);
      proxy.onMessage = () => true;
      expect(await handOver()).toBeUndefined();
      expect(await counts(target)).toEqual([2 * GRANULE, 2 * GRANULE, 2 * GRANULE]);
    },
  );

  it('whose last word is lost leaves the target alone with the drive', async () => {
    const { source, target, proxy, handOver } = pair;
    proxy.onMessage = (type) => type !== 'taken';
    expect(await handOver(300)).toMatch(/it is stopped here.*lock/);
    expect([statusOf(source), statusOf(target)]).toEqual(['stopped', 'completed']);
    expect(source.graph.exports.list()).toEqual([]);
    await expect(write(source, 'vm', 0, 512, 9)).rejects.toMatchObject({ code: 'DEVICE_CLOSED' });
    await expect(source.graph.handOvers.resume('vm')).rejects.toMatchObject({ code: 'LOCKED' });
    await write(target, 'vm', MIB, GRANULE, 2);
    // What the target has in memory ends with it; the source must not believe its own.
    await target.graph.close();
    await source.graph.handOvers.resume('vm');
    expect(await counts(source)).toEqual([2 * GRANULE, undefined, 2 * GRANULE]);
    expect(source.graph.handOvers.list().at(-1)?.reason).toMatch(/'memory'.*is lost/);
    await write(source, 'vm', 2 * MIB, GRANULE, 3);
    expect(await counts(source)).toEqual([3 * GRANULE, undefined, 3 * GRANULE]);
    expect(source.graph.exports.list()).toMatchObject([{ id: 'vm', node: 'vm' }]);
  });

  it('that the target takes too long for is refused to it, if the source has gone on', async () => {
    const { source, target, proxy, handOver } = pair;
    const late = Promise.withResolvers<boolean>();
    proxy.onMessage = (type) => (type === 'take' ? late.promise : true);
    expect(await handOver(200)).toMatch(/it goes on here.*did not answer/);
    await write(source, 'vm', MIB, GRANULE, 2);
    late.resolve(true);
    await expect.poll(() => statusOf(target)).toBe('failed');
    expect(await counts(source)).toEqual([2 * GRANULE, 2 * GRANULE, 2 * GRANULE]);
    expect(target.graph.nodes.list()).toEqual([]);
  });

  it('comes too late for a target if the source has gone on and ended since', async () => {
    const { source, target, proxy, handOver } = pair;
    let take: string | undefined;
    proxy.onMessage = (type) => {
      if (type !== 'take') return true;
      take = type;
      return false;
    };
    expect(await handOver()).toMatch(/it goes on here/);
    expect(take).toBe('take');
    await write(source, 'vm', MIB, GRANULE, 2);
    await source.graph.close();
    await target.graph.addNode(qcow2('again', image));
    const drive = await target.graph.nodes.get('again')!.drive();
    expect((await drive.list()).map(({ name }) => name).toSorted()).toEqual(['kept', 'shown']);
    expect(await countOf(target, 'again', 'kept')).toBe(2 * GRANULE);
  });

  it('is refused where jobs or other nodes use the drive, or it has no place for bitmaps', async () => {
    const { source } = pair;
    const { graph } = source;
    const to = unix(between);
    const refused = (node: string) => graph.handOvers.give({ node, to, timeout: 1000 });
    await expect(refused('nobody')).rejects.toThrow("Cannot find device='nobody'");
    const path = join(dir, 'plain.raw');
    rmSync(path, { force: true });
    await (await createDrive(path, { format: 'raw', size: MIB })).device.close();
    await graph.addNode(raw('plain', path));
    await expect(refused('plain')).rejects.toThrow('has no place for bitmaps');
    await graph.addNode({ driver: 'memory', 'node-name': 'ram', size: MIB });
    await expect(refused('ram')).rejects.toThrow('cannot be handed over');
    expect(await counts(source)).toEqual([GRANULE, GRANULE, GRANULE]);
  });

  it('ends where the target cannot make an export, or means another drive', async () => {
    const { source, target, handOver } = pair;
    await target.graph.nbd.stop();
    expect(await handOver()).toEqual(expect.stringContaining("export 'vm' cannot be made here"));
    await target.graph.handOvers.cancel('vm');
    expect(statusOf(target)).toBe('cancelled');
    const other = join(dir, 'other.qcow2');
    rmSync(other, { force: true });
    await (await createDrive(other, { format: 'qcow2', size: SIZE })).device.close();
    await target.graph.nbd.start({ address: unix(join(dir, 'target.nbd')) });
    await target.graph.handOvers.expect({ options: qcow2('vm', other), address: unix(listening) });
    expect(await handOver()).toEqual(
      expect.stringContaining('is not the one that was handed over'),
    );
    expect(await counts(source)).toEqual([GRANULE, GRANULE, GRANULE]);
    expect(target.graph.nodes.list()).toEqual([]);
  });
});
