import { join } from 'node:path';
import { DirtyBitmap } from '@tidemark/core';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { qemuBitmaps } from '../../../tools/qemu-bitmaps.ts';
import { checkpointsOf, idOf, makeImage, SIZE, withStore } from './support/images.ts';

const LOST =
  'another program has had its image open for writing since, and may have cleared or resized it';
const qemuIo = (path: string, command: string) =>
  run('qemu-io', '-f', 'qcow2', '-t', 'unsafe', '-c', command, path);

describeWithQemu('the checkpoint of a bitmap', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  let count = 0;
  /** With as many bitmaps as there are names, each with a checkpoint of its own. */
  const newImage = async (...names: readonly string[]) => {
    const path = join(dir, `${count++}.qcow2`);
    await makeImage(path, { checkpoints: names });
    return path;
  };

  it('is nothing to QEMU, in an image without errors', async () => {
    const path = await newImage('a', 'b');
    await run('qemu-img', 'check', '-q', path);
    expect((await qemuBitmaps(path)).map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it.each<[string, (path: string) => Promise<unknown>]>([
    ['reads', (path) => run('qemu-img', 'convert', '-O', 'raw', path, `${path}.raw`)],
    ['checks', (path) => run('qemu-img', 'check', '-q', path)],
    ['serves for reading', (path) => run('qemu-io', '-r', '-f', 'qcow2', '-c', 'read 0 512', path)],
  ])('stays when QEMU %s the image', async (_, act) => {
    const path = await newImage('a', 'b');
    const before = await checkpointsOf(path);
    await act(path);
    expect(await checkpointsOf(path)).toEqual(before);
    expect(before['a']).toMatch(/^[0-9a-f]{32}$/);
  });

  it.each<[string, (path: string) => Promise<unknown>]>([
    ['writes the disk', (path) => qemuIo(path, 'write 1M 64k')],
    ['opens it for writing', (path) => qemuIo(path, 'read 0 512')],
    ['clears a bitmap', (path) => run('qemu-img', 'bitmap', '--clear', path, 'a')],
    ['adds a bitmap', (path) => run('qemu-img', 'bitmap', '--add', path, 'c')],
    [
      'removes a bitmap and adds it again',
      async (path) => {
        await run('qemu-img', 'bitmap', '--remove', path, 'a');
        await run('qemu-img', 'bitmap', '--add', path, 'a');
      },
    ],
    [
      'shrinks the disk, and grows it again',
      async (path) => {
        await run('qemu-img', 'resize', '-q', '--shrink', path, `${SIZE / 2}`);
        await run('qemu-img', 'resize', '-q', path, `${SIZE}`);
      },
    ],
  ])('A6 A11 is not known any more when QEMU %s, and why is told', async (_, act) => {
    const path = await newImage('a', 'b');
    const id = await idOf(path);
    await act(path);
    const told = await withStore(path, (store) => store.list());
    const lost = told.filter(({ name }) => name !== 'c');
    expect(lost.map(({ checkpoint }) => checkpoint)).toEqual([undefined, undefined]);
    expect(lost.map(({ checkpointLost }) => checkpointLost)).toEqual([LOST, LOST]);
    expect(await idOf(path)).toBe(id);
    // Nor is it when we change something else afterwards.
    await withStore(path, (store) => store.commit([{ op: 'remove', name: 'b' }]));
    expect(await checkpointsOf(path)).toMatchObject({ a: undefined });
  });

  it('A6 is that of a bitmap which begins anew after QEMU, and of no other', async () => {
    const path = await newImage('a', 'b');
    await qemuIo(path, 'write 1M 64k');
    const checkpoint = 'cd'.repeat(16);
    const content = new DirtyBitmap(SIZE, 65_536);
    await withStore(path, (store) =>
      store.commit([{ op: 'store', name: 'b', content, checkpoint }]),
    );
    expect(await checkpointsOf(path)).toEqual({ a: undefined, b: checkpoint });
  });

  it.each([512, 1024, 65_536])(
    'A12 leaves room for a backing file that QEMU names later, in clusters of %i bytes',
    async (clusterSize) => {
      const path = join(dir, `rebased-${clusterSize}.qcow2`);
      await makeImage(path, { checkpoints: ['a', 'b'], clusterSize });
      const name = `./${'long-name-'.repeat(8)}.raw`;
      await run('qemu-img', 'create', '-q', '-f', 'raw', join(dir, name), `${SIZE}`);
      await run('qemu-img', 'rebase', '-u', '-b', name, '-F', 'raw', path);
      await run('qemu-img', 'check', '-q', path);
      expect((await qemuBitmaps(path)).map((bitmap) => bitmap.name)).toEqual(['a', 'b']);
      const infos = await withStore(path, (store) => store.list(), { writable: false });
      expect(infos.map(({ state }) => state)).toEqual(['stored', 'stored']);
    },
  );
});
