import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createDrive } from '@tidemark/drive';
import { connectNbd } from '@tidemark/nbd';
import { beforeEach, describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import type { BlockNode, NodeOptions } from '../src/index.ts';
import { contentOf, countOf, GRANULE, memory, MIB, newWorld, write } from './support/world.ts';

const root = tempDir();
let dir = '';
let count = 0;

beforeEach(() => {
  dir = join(root, String(count++));
  mkdirSync(dir);
});

async function image(name: string): Promise<string> {
  const path = join(dir, name);
  await (await createDrive(path, { format: 'qcow2', size: MIB })).device.close();
  return path;
}

const file = (name: string, filename: string): NodeOptions => {
  return { driver: 'file', 'node-name': name, filename };
};

describe('nodes', () => {
  it('take the place of each other while they are used, and bitmaps stay', async () => {
    await using world = newWorld();
    const { graph } = world;
    await graph.addNode(file('f', await image('a.qcow2')));
    const options: NodeOptions = { driver: 'qcow2', 'node-name': 'q', file: 'f' };
    await graph.addNode(options);
    await graph.transaction([
      { op: 'add', node: 'q', name: 'p', persistent: true, disabled: false },
      { op: 'add', node: 'q', name: 'm', persistent: false, disabled: false },
    ]);
    await write(world, 'q', 0, 1, 1);
    await graph.reopenNodes([{ ...options, 'read-only': true }]);
    await expect(write(world, 'q', 0, 1, 1)).rejects.toThrow('reading only');
    const clear = { op: 'clear', node: 'q', name: 'p' } as const;
    await expect(graph.transaction([clear])).rejects.toThrow("Bitmap 'p' is readonly");
    await graph.reopenNodes([options]);
    await write(world, 'q', GRANULE, 1, 1);
    expect(await countOf(world, 'q', 'p')).toBe(2 * GRANULE);
    expect(await countOf(world, 'q', 'm')).toBe(2 * GRANULE);
    await graph.transaction([clear]);
  });

  it('are as before where one of several cannot be reopened', async () => {
    await using world = newWorld();
    const { graph } = world;
    const a: NodeOptions = { ...file('a', await image('a.qcow2')), 'read-only': true };
    await graph.addNode(a);
    const q: NodeOptions = { driver: 'qcow2', 'node-name': 'q', file: 'a', 'read-only': true };
    await graph.addNode(q);
    const m = memory('m');
    await graph.addNode(m);
    const change = [
      { ...m, 'read-only': true },
      { ...q, 'read-only': false },
    ];
    await expect(graph.reopenNodes(change)).rejects.toThrow('Block node is read-only');
    await write(world, 'm', 0, 1, 1);
    expect((await contentOf(world, 'q')).length).toBe(MIB);
  });

  it('of protocols have no bitmaps that would miss what others write', async () => {
    await using world = newWorld();
    const { graph } = world;
    await graph.addNode(file('f', await image('a.qcow2')));
    await graph.addNode({ driver: 'qcow2', 'node-name': 'q', file: 'f' });
    const add = { op: 'add', node: 'f', name: 'b', persistent: false, disabled: false } as const;
    await expect(graph.transaction([add])).rejects.toThrow("Permission conflict on node 'f'");
    await graph.removeNode('q');
    await graph.transaction([add]);
    const again = graph.addNode({ driver: 'qcow2', 'node-name': 'q', file: 'f' });
    await expect(again).rejects.toThrow("Permission conflict on node 'f'");
  });

  it('leave nothing open where one of them cannot be opened', async () => {
    await using world = newWorld();
    const { graph } = world;
    const path = await image('a.qcow2');
    const wrong: NodeOptions = {
      driver: 'qcow2',
      'node-name': 'q',
      file: { driver: 'file', filename: path },
      backing: 'none',
    };
    await expect(graph.addNode(wrong)).rejects.toThrow('Could not open backing file');
    expect(graph.nodes.list()).toEqual([]);
    await graph.addNode(file('f', path));
  });
});

/** Reads through the target while the source is written. */
async function readDuring(target: BlockNode, source: BlockNode): Promise<boolean> {
  const bytes = Buffer.alloc(GRANULE);
  const reading = target.device.read(bytes, 0);
  const writing = source.device.write(Buffer.alloc(GRANULE, 2), 0);
  await Promise.all([reading, writing]);
  return bytes.every((byte) => byte === 1);
}

describe('a job that copies only what is overwritten', () => {
  it('shows through its target the disk of the instant, over NBD too', async () => {
    await using world = newWorld();
    const { graph } = world;
    await graph.addNode(memory('s'));
    await write(world, 's', 0, MIB, 1);
    const t: NodeOptions = {
      driver: 'qcow2',
      'node-name': 't',
      file: { driver: 'file', filename: await image('t.qcow2') },
      backing: 's',
    };
    await graph.addNode(t);
    const options = { 'job-id': 'j', device: 's', target: 't', sync: 'none' } as const;
    await graph.transaction([{ op: 'backup', options }]);
    const path = join(dir, 'nbd.sock');
    await graph.nbd.start({ address: { type: 'unix', path } });
    await graph.exports.add({ id: 'e', 'node-name': 't' });
    expect(await readDuring(graph.nodes.get('t')!, graph.nodes.get('s')!)).toBe(true);
    await write(world, 's', 3 * GRANULE, 100, 9);
    await graph.nodes.get('s')!.device.writeZeroes(5 * GRANULE, GRANULE);
    await using disk = await connectNbd(`nbd+unix:///t?socket=${path}`);
    const seen = Buffer.alloc(MIB);
    await disk.read(seen, 0);
    expect(seen.every((byte) => byte === 1)).toBe(true);
    await expect(graph.exports.remove('e', 'safe')).rejects.toThrow("export 'e' still in use");
    await graph.exports.remove('e', 'hard');
    expect(world.events.at(-1)).toEqual({ name: 'BLOCK_EXPORT_DELETED', data: { id: 'e' } });
    await expect(disk.read(seen, 0)).rejects.toThrow(/connection|closed/);
    await expect(graph.removeNode('s')).rejects.toThrow("backing hd of 't'");
    await expect(graph.removeNode('t')).rejects.toThrow('is busy');
  });
});
