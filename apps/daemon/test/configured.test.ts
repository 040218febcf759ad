import { join } from 'node:path';
import { createDrive } from '@tidemark/drive';
import { BlockGraph } from '@tidemark/graph';
import { connectNbd } from '@tidemark/nbd';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { parseConfig } from '../src/config/document.ts';
import { checkConfig } from '../src/config/load-config.ts';
import { ConfiguredService } from '../src/configured/configured-service.ts';
import { Monitors } from '../src/configured/monitors.ts';
import { Turns } from '../src/configured/turns.ts';
import { qmpTarget } from '../src/qmp-target.ts';

const dir = tempDir();
const socket = join(dir, 'nbd.sock');
const SIZE = 1024 * 1024;

function loadedFrom(value: object) {
  const document = parseConfig(
    JSON.stringify({ nbd: { listen: { unix: socket } }, ...value }),
    'f',
  );
  return { path: 'f', document, config: checkConfig(document) };
}

/** A service over a graph of its own. */
function newService() {
  const told: string[] = [];
  const log = (message: string) => void told.push(message);
  const graph = new BlockGraph({ log });
  const objects = { credentials: new Map(), allowLists: new Map() };
  const target = qmpTarget({ graph, objects, log, quit: () => {}, reload: undefined });
  const monitors = new Monitors({ target, turns: new Turns(), debug: () => {} });
  const service = new ConfiguredService({
    graph,
    monitors,
    log,
    onApplied: () => {},
    serveMetrics: () => Promise.reject(new Error('no metrics')),
    serveHttp: () => Promise.reject(new Error('no HTTP')),
  });
  const apply = (value: object) => service.apply(loadedFrom(value));
  const close = async () => {
    await monitors.close();
    await graph.close();
  };
  return { graph, told, apply, [Symbol.asyncDispose]: close };
}

const memory = { node: { driver: 'memory', size: SIZE } };

async function image(name: string): Promise<string> {
  const path = join(dir, name);
  await (await createDrive(path, { format: 'qcow2', size: SIZE })).device.close();
  return path;
}

/** Nodes, exports and bitmaps, for comparison. */
async function stateOf({ graph }: { readonly graph: BlockGraph }) {
  const nodes = graph.nodes.list().filter(({ isInline }) => !isInline);
  const bitmaps = await Promise.all(
    nodes.map(async (node) => [node.name, (await node.tracked?.list()) ?? []] as const),
  );
  return {
    nodes: new Set(nodes.map(({ name }) => name)),
    exports: new Set(graph.exports.list().map(({ id, node }) => `${id} ${node}`)),
    bitmaps: Object.fromEntries(bitmaps),
  };
}

describe('a configuration', () => {
  it('leaves nodes and their clients alone that it does not change', async () => {
    await using world = newService();
    const vm = { file: await image('same.qcow2'), format: 'qcow2' };
    await world.apply({ drives: { vm, m: memory }, exports: { vm: { drive: 'vm' } } });
    const node = world.graph.nodes.get('vm');
    const disk = await connectNbd(`nbd+unix:///vm?socket=${socket}`);
    await world.apply({
      drives: { vm: { ...vm, bitmaps: { n: null } }, other: memory },
      exports: { vm: { drive: 'vm' }, o: { drive: 'other' } },
    });
    expect(world.graph.nodes.get('vm')).toBe(node);
    await disk.write(new Uint8Array(1), 0);
    await world.apply({
      drives: { vm: { ...vm, 'on-tracking-error': 'drop', bitmaps: { n: null } } },
      exports: { vm: { drive: 'vm' } },
    });
    expect(world.graph.nodes.get('vm')).toBe(node);
    expect(node?.options).toMatchObject({ 'x-tidemark-on-tracking-error': 'drop' });
    await disk.write(new Uint8Array(1), 65_536);
    expect((await node!.tracked!.list())[0]).toMatchObject({ name: 'n', count: 131_072 });
    await disk.close();
  });

  it('that fails late is taken back as a whole, and no bitmap has stopped to record', async () => {
    await using world = newService();
    const vm = { file: await image('late.qcow2'), format: 'qcow2' };
    await world.apply({
      drives: { vm: { ...vm, bitmaps: { n: null, gone: null } }, m: memory },
      exports: { vm: { drive: 'vm' }, m: { drive: 'm', bitmaps: [] } },
    });
    const before = await stateOf(world);
    // The name is taken by an export that QMP has made, which is found when all else is done.
    await world.graph.exports.addWhole(world.graph.nodes.get('vm')!, { id: 'x', name: 'taken' });
    const wanted = {
      drives: {
        vm: { ...vm, bitmaps: { n: { enabled: false }, gone: { absent: true }, more: null } },
        fresh: memory,
      },
      exports: {
        vm: { drive: 'vm' },
        fresh: { drive: 'fresh' },
        z: { drive: 'vm', name: 'taken' },
      },
    };
    await expect(world.apply(wanted)).rejects.toThrow(/^f:1:\d+: exports\.z: .*'taken'/);
    await world.graph.exports.remove('x', 'hard');
    expect(await stateOf(world)).toEqual(before);
    expect(world.told.filter((line) => line.startsWith('error'))).toEqual([]);
    await world.apply(wanted);
    expect(await stateOf(world)).toMatchObject({
      nodes: new Set(['vm', 'fresh']),
      bitmaps: { vm: [{ name: 'more' }, { name: 'n', recording: false }] },
    });
  });

  it('moves its server only to where one can be', async () => {
    await using world = newService();
    await world.apply({ drives: { m: memory }, exports: { m: { drive: 'm' } } });
    const disk = await connectNbd(`nbd+unix:///m?socket=${socket}`);
    const elsewhere = (unix: string) => ({
      drives: { m: memory },
      exports: { m: { drive: 'm' } },
      nbd: { listen: { unix } },
    });
    await expect(world.apply(elsewhere('/nowhere/s'))).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
    await disk.write(new Uint8Array(1), 0);
    await disk.close();
    const next = join(dir, 'next.sock');
    await world.apply(elsewhere(next));
    await (await connectNbd(`nbd+unix:///m?socket=${next}`)).close();
    expect(world.graph.nbd.address).toEqual({ type: 'unix', path: next });
  });
});

describe('a drive of the configuration that a hand-over has moved', () => {
  const to = { type: 'unix', path: join(dir, 'hand-over.sock') } as const;
  const give = async (graph: BlockGraph) => graph.handOvers.give({ node: 'vm', to, timeout: 5000 });
  const counted = async ({ graph }: { readonly graph: BlockGraph }) =>
    (await graph.nodes.get('vm')!.tracked!.list()).map(({ name, count }) => [name, count]);

  it('is left alone while it is away, and is the same one when it comes back', async () => {
    await using world = newService();
    await using other = new BlockGraph({ log: () => {} });
    await other.nbd.start({ address: { type: 'unix', path: join(dir, 'other.sock') } });
    const filename = await image('moves.qcow2');
    const vm = { file: filename, format: 'qcow2', bitmaps: { n: null } };
    const config = { drives: { vm, m: memory }, exports: { vm: { drive: 'vm' } } };
    const file = { driver: 'file', filename } as const;
    const options = { driver: 'qcow2', 'node-name': 'vm', file } as const;
    await world.apply(config);
    await other.handOvers.expect({ options, address: to });
    await give(world.graph);
    await world.apply({ ...config, drives: { ...config.drives, more: memory } });
    expect((await stateOf(world)).nodes).toEqual(new Set(['m', 'more']));
    expect(world.told.join()).toContain("drive 'vm' is left alone: it was handed over");
    await world.graph.handOvers.expect({ options, address: to });
    await world.apply(config);
    expect(world.told.join()).toContain("drive 'vm' is left alone: it is expected");
    await other.nodes.get('vm')!.device.write(new Uint8Array(1), 0);
    await give(other);
    const came = world.graph.nodes.get('vm');
    await world.apply({ ...config, drives: { vm: { ...vm, bitmaps: { n: null, o: null } } } });
    expect(world.graph.nodes.get('vm')).toBe(came);
    expect((await stateOf(world)).exports).toEqual(new Set(['vm vm']));
    expect(await counted(world)).toEqual([
      ['o', 0],
      ['n', 65_536],
    ]);
    await world.apply({});
    expect((await stateOf(world)).nodes).toEqual(new Set());
  });

  it('is opened anew once it was taken out of the file and put in again', async () => {
    await using world = newService();
    const filename = await image('again.qcow2');
    const drives = { vm: { file: filename, format: 'qcow2' } };
    await world.apply({ drives });
    const other = new BlockGraph({ log: () => {} });
    const file = { driver: 'file', filename } as const;
    const options = { driver: 'qcow2', 'node-name': 'vm', file } as const;
    await other.handOvers.expect({ options, address: to });
    await give(world.graph);
    await other.close();
    await world.apply({ drives });
    expect((await stateOf(world)).nodes).toEqual(new Set());
    await world.apply({});
    await world.apply({ drives });
    expect((await stateOf(world)).nodes).toEqual(new Set(['vm']));
  });
});
