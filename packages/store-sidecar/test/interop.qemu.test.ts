import { join } from 'node:path';
import { openFileDevice } from '@tidemark/block';
import { type BitmapStore, DirtyBitmap } from '@tidemark/core';
import { expect, it } from 'vitest';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { qemuBitmaps, qemuDirtyMap, qemuSha256 } from '../../../tools/qemu-bitmaps.ts';
import { createSidecar, openSidecarStore } from '../src/index.ts';

const TOOLS = ['qemu-img', 'qemu-io', 'qemu-nbd', 'qemu-storage-daemon', 'nbdinfo'] as const;
const SIZE = 1024 * 1024 + 512;

async function withStore<T>(
  path: string,
  diskSize: number,
  work: (store: BitmapStore) => Promise<T>,
): Promise<T> {
  const sidecar = await openFileDevice(path, { writable: true });
  await using store = await openSidecarStore({ drive: { label: 'd', size: diskSize }, sidecar });
  return await work(store);
}

describeWithQemu('a sidecar that QEMU looks at', TOOLS, () => {
  const dir = tempDir();

  // QEMU counts sectors; bits are as many for 1000 bytes as for 1024.
  it.each([SIZE, 1000])('holds what we stored of a drive of %i bytes', async (diskSize) => {
    const path = join(dir, `ours-${diskSize}.qcow2`);
    {
      await using file = await openFileDevice(path, { writable: true, create: 'exclusive' });
      await createSidecar(file, { diskSize });
    }
    const content = new DirtyBitmap(diskSize, 512);
    content.set(0, 1);
    content.set(diskSize - 1, 1);
    await withStore(path, diskSize, (store) =>
      store.commit([
        { op: 'create', name: 'a', enabled: true, content },
        { op: 'create', name: 'off', enabled: false, content: new DirtyBitmap(diskSize, 4096) },
      ]),
    );
    expect(await sh('qemu-img', 'check', '-q', path)).toMatchObject({ code: 0, stderr: '' });
    expect(await qemuBitmaps(path)).toEqual([
      { name: 'a', granularity: 512, flags: ['auto'] },
      { name: 'off', granularity: 4096, flags: [] },
    ]);
    expect(await qemuSha256(path, ['a'])).toEqual({ a: content.sha256() });
    const dirty = (await qemuDirtyMap(path, 'a')).filter((extent) => extent.dirty);
    expect(dirty.map(({ offset }) => offset)).toEqual(
      [...content.dirtyExtents()].map(({ offset }) => offset),
    );
  });

  it('is read as QEMU made and changed it', async () => {
    const path = join(dir, 'theirs.qcow2');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', path, `${SIZE}`);
    await run('qemu-img', 'bitmap', '--add', '-g', '512', path, 'a');
    await run(
      'qemu-io',
      '-f',
      'qcow2',
      '-c',
      'write 700 9000',
      '-c',
      `write ${SIZE - 512} 512`,
      path,
    );
    await run('qemu-img', 'bitmap', '--add', '--merge', 'a', '-g', '4096', '--disable', path, 'b');
    const bitmaps = await withStore(path, SIZE, async (store) => {
      expect(await store.list()).toMatchObject([{ name: 'a' }, { name: 'b', enabled: false }]);
      return { a: await store.load('a'), b: await store.load('b') };
    });
    const sums = await qemuSha256(path, ['a', 'b']);
    for (const [name, bitmap] of Object.entries(bitmaps)) {
      expect(bitmap.sha256()).toBe(sums[name]);
      expect([...bitmap.extents()]).toEqual(await qemuDirtyMap(path, name));
    }
  });

  it('says that a bitmap is in use to both', async () => {
    const path = join(dir, 'in-use.qcow2');
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', path, `${SIZE}`);
    await run('qemu-img', 'bitmap', '--add', path, 'a');
    await withStore(path, SIZE, (store) => store.acquire(['a']));
    expect(await qemuBitmaps(path)).toMatchObject([{ name: 'a', flags: ['in-use', 'auto'] }]);
    const merge = await sh('qemu-img', 'bitmap', '--add', '--merge', 'a', path, 'b');
    expect(merge.stderr).toContain('inconsistent');
    await withStore(path, SIZE, async (store) => {
      expect((await store.list())[0]).toMatchObject({ name: 'a', state: 'inconsistent' });
    });
  });
});
