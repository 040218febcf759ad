import { join } from 'node:path';
import {
  createDrive,
  importBitmaps,
  openDrive,
  openDriveBitmaps,
  readBitmapFile,
} from '@tidemark/drive';
import { expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { exportNodeBitmaps } from '../src/nodes/export-bitmaps.ts';
import { GRANULE, MIB, newWorld, raw, write } from './support/world.ts';

const dir = tempDir();

async function worldOn(name: string) {
  const path = join(dir, name);
  await (await createDrive(path, { format: 'raw', size: MIB })).device.close();
  const world = newWorld();
  await world.graph.addNode(raw('vm', path));
  const add = { op: 'add', node: 'vm', persistent: true, disabled: false } as const;
  await world.graph.transaction([{ ...add, name: 'n', granularity: GRANULE }]);
  await write(world, 'vm', 3 * GRANULE, 512, 1);
  const node = world.graph.nodes.get('vm')!;
  const file = join(dir, `${name}.bitmaps`);
  return { world, node, path, file };
}

it('bitmaps of a node that is written are those of one instant, true until it is written again', async () => {
  const { world, node, path, file } = await worldOn('a.raw');
  const writing = write(world, 'vm', 5 * GRANULE, 512, 1);
  await exportNodeBitmaps(node, { names: ['n'], path: file });
  await writing;
  const read = await readBitmapFile(file);
  const [bitmap] = read.bitmaps;
  expect(bitmap).toMatchObject({ name: 'n', enabled: true });
  expect([...bitmap!.content.dirtyExtents()].map(({ offset }) => offset / GRANULE)).toEqual([3, 5]);
  const again = { names: ['n'], path: file };
  await expect(exportNodeBitmaps(node, again)).rejects.toMatchObject({ code: 'FILE_EXISTS' });
  await write(world, 'vm', 7 * GRANULE, 512, 1);
  await world.graph.close();
  expect(await verdictOf(path, file)).toBe('BITMAP_INCONSISTENT');
});

it('bitmaps of a node that is not written afterwards are true of its drive', async () => {
  const { world, node, path, file } = await worldOn('b.raw');
  await exportNodeBitmaps(node, { names: ['n'], path: file });
  await world.graph.close();
  expect(await verdictOf(path, file)).toBe(`same, ${MIB} bytes`);
});

it('a frozen bitmap is not exported, nor is one twice, nor none', async () => {
  const { world, node, file } = await worldOn('c.raw');
  const refused = (...names: string[]) =>
    exportNodeBitmaps(node, { names, path: file }).then(
      () => 'exported',
      (error: Error) => error.message,
    );
  expect(await refused('n', 'n')).toMatch('each once');
  expect(await refused()).toMatch('expects 1 to');
  expect(await refused('nobody')).toMatch('not found');
  await (await node.drive()).freeze('n');
  expect(await refused('n')).toMatch('is frozen');
  await write(world, 'vm', 0, 512, 1);
  await world.graph.close();
});

async function verdictOf(path: string, file: string): Promise<string> {
  const drive = await openDrive(path, { format: 'raw', access: 'bitmaps' });
  await using device = drive.device;
  const { store } = await openDriveBitmaps(drive);
  await using opened = store!;
  const about = { drive, store: opened, file: await readBitmapFile(file) };
  const how = { existing: 'replace', trust: true, force: false } as const;
  return await importBitmaps({ ...about, ...how }).then(
    ({ origin }) => `${origin.kind}, ${device.size} bytes`,
    (error: { readonly code: string }) => error.code,
  );
}
