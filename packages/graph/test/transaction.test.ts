import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createDrive } from '@tidemark/drive';
import { beforeEach, describe, expect, it } from 'vitest';
import type { GraphAction } from '../src/index.ts';
import { tempDir } from '../../../tools/qemu.ts';
import {
  bytesOf,
  countOf,
  GRANULE,
  memory,
  MIB,
  newWorld,
  qcow2,
  raw,
  write,
} from './support/world.ts';

const root = tempDir();
let dir = '';
let count = 0;

beforeEach(() => {
  dir = join(root, String(count++));
  mkdirSync(dir);
});

async function drives() {
  const world = newWorld();
  const paths = [join(dir, 'a.qcow2'), join(dir, 'b.raw')] as const;
  await (await createDrive(paths[0], { format: 'qcow2', size: MIB })).device.close();
  await (await createDrive(paths[1], { format: 'raw', size: MIB })).device.close();
  await world.graph.addNode(qcow2('a', paths[0]));
  await world.graph.addNode(raw('b', paths[1]));
  await world.graph.addNode(memory('t'));
  return { world, paths };
}

const add = (node: string, name: string): GraphAction => {
  return { op: 'add', node, name, persistent: true, disabled: false };
};

const GOOD: readonly GraphAction[] = [
  { op: 'clear', node: 'a', name: 'old' },
  add('a', 'new'),
  { op: 'merge', node: 'a', target: 'new', sources: ['old', { node: 'b', name: 'old' }] },
  { op: 'disable', node: 'b', name: 'old' },
  { op: 'remove', node: 'a', name: 'gone' },
  {
    op: 'backup',
    options: {
      'job-id': 'j',
      device: 'a',
      target: 't',
      sync: 'full',
      bitmap: 'new',
      'bitmap-mode': 'always',
    },
  },
];

const BAD: readonly (readonly [string, GraphAction])[] = [
  ['a bitmap that is not there', { op: 'clear', node: 'a', name: 'zz' }],
  ['a node that is not there', { op: 'clear', node: 'zz', name: 'old' }],
  ['a bitmap that is there', add('b', 'old')],
  ['a merge of one that is not there', { op: 'merge', node: 'a', target: 'old', sources: ['zz'] }],
  [
    'a backup to nowhere',
    { op: 'backup', options: { 'job-id': 'k', device: 'b', target: 'zz', sync: 'full' } },
  ],
  [
    'a backup by a bitmap that is not there',
    {
      op: 'backup',
      options: { 'job-id': 'k', device: 'b', target: 't', sync: 'incremental', bitmap: 'zz' },
    },
  ],
];

describe('a transaction', () => {
  it.each(BAD)('that fails at any place by %s leaves memory and disk as before', async (_, bad) => {
    const { world, paths } = await drives();
    await using _world = world;
    const { graph } = world;
    await graph.transaction([add('a', 'old'), add('b', 'old'), add('a', 'gone')]);
    await write(world, 'a', 0, 1, 1);
    await write(world, 'b', 3 * GRANULE, 1, 1);
    const files = [...paths, `${paths[1]}.tidemark.qcow2`];
    // What is under way on disk by itself is over then.
    for (const { tracked } of graph.nodes.list()) await tracked?.narrow();
    const state = async () => [
      bytesOf(...files),
      await (await graph.nodes.get('a')!.drive()).list(),
      await (await graph.nodes.get('b')!.drive()).list(),
      graph.jobs.list().length,
      graph.nodes.get('t')!.users.size + graph.nodes.get('a')!.users.size,
    ];
    const before = await state();
    for (let at = 0; at <= GOOD.length; at++) {
      await expect(graph.transaction(GOOD.toSpliced(at, 0, bad))).rejects.toThrow(
        /not found|already exists|could not|Cannot find/,
      );
      expect(await state()).toEqual(before);
    }
    await graph.transaction(GOOD);
    expect(await countOf(world, 'a', 'gone')).toBeUndefined();
    await write(world, 'a', 5 * GRANULE, 1, 1);
  });

  it('tells what is wrong with the first action that fails', async () => {
    const { world } = await drives();
    await using _world = world;
    const actions = [BAD[0]![1], BAD[4]![1]];
    await expect(world.graph.transaction(actions)).rejects.toThrow("Dirty bitmap 'zz' not found");
  });

  it('makes the sidecar of a raw drive, and takes it away where it fails', async () => {
    const { world, paths } = await drives();
    await using _world = world;
    const { graph } = world;
    await graph.transaction([
      { op: 'add', node: 'b', name: 'm', persistent: false, disabled: false },
    ]);
    await write(world, 'b', 0, 1, 1);
    const bad = { op: 'clear', node: 'b', name: 'zz' } as const;
    await expect(graph.transaction([add('b', 'p'), bad])).rejects.toThrow('not found');
    expect(() => bytesOf(`${paths[1]}.tidemark.qcow2`)).toThrow('ENOENT');
    await write(world, 'b', GRANULE, 1, 1);
    await graph.transaction([add('b', 'p')]);
    await write(world, 'b', 2 * GRANULE, 1, 1);
    expect(await countOf(world, 'b', 'm')).toBe(3 * GRANULE);
    expect(await countOf(world, 'b', 'p')).toBe(GRANULE);
    await graph.removeNode('b');
    await graph.addNode(raw('b', paths[1]));
    expect(await countOf(world, 'b', 'p')).toBe(GRANULE);
    expect(await countOf(world, 'b', 'm')).toBeUndefined();
  });
});
