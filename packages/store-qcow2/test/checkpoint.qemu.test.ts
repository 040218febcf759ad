import { join } from 'node:path';
import { openFileDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { expect, it } from 'vitest';
import { describeWithQemu, run, tempDir } from '../../../tools/qemu.ts';
import { qemuBitmaps } from '../../../tools/qemu-bitmaps.ts';
import { openQcow2Store } from '../src/index.ts';

const SIZE = 8 * 1024 * 1024;
const CHECKPOINT = '0123456789abcdef'.repeat(2);

async function withStore<T>(
  path: string,
  work: (store: Awaited<ReturnType<typeof openQcow2Store>>) => Promise<T>,
): Promise<T> {
  await using image = await openQcow2(await openFileDevice(path, { writable: true }), {
    writable: true,
  });
  await using store = await openQcow2Store(image);
  return await work(store);
}

/** An image with the bitmaps `a` and `b`, of which `a` has a checkpoint. */
async function makeImage(path: string): Promise<void> {
  const file = await openFileDevice(path, { writable: true, create: 'exclusive', lock: false });
  await createQcow2(file, { size: SIZE });
  await file.close();
  await withStore(path, async (store) => {
    const content = new DirtyBitmap(SIZE, 65_536);
    const made = ['a', 'b'].map(
      (name) => ({ op: 'create', name, enabled: true, content }) as const,
    );
    await store.commit(made);
    await store.commit([{ op: 'store', name: 'a', content, checkpoint: CHECKPOINT }]);
  });
}

async function checkpointsOf(path: string): Promise<Record<string, string | undefined>> {
  const infos = await withStore(path, (store) => store.list());
  return Object.fromEntries(infos.map(({ name, checkpoint }) => [name, checkpoint]));
}

describeWithQemu('the checkpoint of a bitmap', ['qemu-img', 'qemu-io'], () => {
  const dir = tempDir();
  let count = 0;
  const newImage = async () => {
    const path = join(dir, `${count++}.qcow2`);
    await makeImage(path);
    return path;
  };

  it('is an empty bitmap to QEMU, that records nothing, in an image without errors', async () => {
    const path = await newImage();
    await run('qemu-img', 'check', '-q', path);
    expect(await qemuBitmaps(path)).toMatchObject([
      { name: 'a', flags: ['auto'] },
      { name: expect.stringMatching(/^tidemark.checkpoint:/), flags: [] },
      { name: 'b', flags: ['auto'] },
    ]);
  });

  it('stays with it when QEMU writes the disk', async () => {
    const path = await newImage();
    await run('qemu-io', '-f', 'qcow2', '-c', 'write 1M 64k', path);
    expect(await checkpointsOf(path)).toEqual({ a: CHECKPOINT, b: undefined });
    await withStore(path, async (store) => {
      expect((await store.load('a')).dirtyBytes).toBe(65_536);
    });
    await run('qemu-img', 'check', '-q', path);
  });

  it('is not that of another bitmap when QEMU has removed its own', async () => {
    const path = await newImage();
    await run('qemu-img', 'bitmap', '--remove', path, 'a');
    expect(await checkpointsOf(path)).toEqual({ b: undefined });
    await run('qemu-img', 'bitmap', '--add', path, 'a');
    expect(await checkpointsOf(path)).toEqual({ b: undefined, a: undefined });
  });

  it('leaves nothing behind when the bitmap goes, or another one comes', async () => {
    const path = await newImage();
    await run('qemu-img', 'bitmap', '--remove', path, 'a');
    await withStore(path, (store) => store.commit([{ op: 'remove', name: 'b' }]));
    expect(await qemuBitmaps(path)).toEqual([]);
    await run('qemu-img', 'check', '-q', path);
  });
});
