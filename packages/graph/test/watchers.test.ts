import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { MIB, memory, newWorld } from './support/world.ts';

const dir = tempDir();

describe('who watches a node', () => {
  it('hears of each change once, as long as he wants', async () => {
    await using world = newWorld();
    const came: string[] = [];
    const unlisten = world.graph.nodes.listen(({ name }) => void came.push(name));
    const { device } = await world.graph.addNode({ ...memory('m'), discard: 'unmap' });
    unlisten();
    await world.graph.addNode(memory('n'));
    expect(came).toEqual(['m']);
    const heard: (readonly [number, number])[][] = [[], []];
    const [stop, stopOther] = heard.map((list) =>
      device.watch((offset, length) => void list.push([offset, length])),
    );
    const bytes = new Uint8Array(512);
    await device.write(bytes, 1024);
    if (!device.writeNow(bytes, 2048)) await device.write(bytes, 2048);
    await device.writeZeroes(4096, 8192);
    stop!();
    await device.discard(65_536, 512);
    await device.read(bytes, 0);
    await device.flush();
    stopOther!();
    await device.write(bytes, 0);
    const writes = [
      [1024, 512],
      [2048, 512],
      [4096, 8192],
    ];
    expect(heard).toEqual([writes, [...writes, [65_536, 512]]]);
  });
});

it('an export says what clients find', async () => {
  await using world = newWorld();
  const { graph } = world;
  const node = await graph.addNode(memory('m', MIB));
  await graph.transaction([
    { op: 'add', node: 'm', name: 'b', persistent: false, disabled: true },
    { op: 'add', node: 'm', name: 'c', persistent: false, disabled: false },
  ]);
  await graph.nbd.start({ address: { type: 'unix', path: join(dir, 'a.sock') } });
  await graph.exports.addWhole(node, { id: 'all', name: 'whole' });
  await graph.exports.add({ id: 'some', 'node-name': 'm', bitmaps: ['b'] });
  const told = graph.exports.list().map(({ id, name, readOnly, bitmaps }) => {
    return { id, name, readOnly, bitmaps };
  });
  expect(told).toEqual([
    { id: 'some', name: 'm', readOnly: true, bitmaps: ['b'] },
    { id: 'all', name: 'whole', readOnly: false, bitmaps: ['c', 'b'] },
  ]);
});
