import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFileDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { createQcow2 } from '@tidemark/qcow2';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { qemuBitmaps, qemuDirtyMap, qemuSha256 } from '../../../tools/qemu-bitmaps.ts';
import { withStore } from './support/store-on-file.ts';

const TOOLS = ['qemu-img', 'qemu-io', 'qemu-nbd', 'qemu-storage-daemon', 'nbdinfo'] as const;

/** After a crash: space may be lost, and nothing worse. */
async function expectSound(path: string): Promise<void> {
  const { code } = await sh('qemu-img', 'check', '-q', path);
  expect([0, 3]).toContain(code);
}

describeWithQemu('bitmaps in an image that QEMU knows too', TOOLS, () => {
  const dir = tempDir();

  it.each([
    { size: 1024 * 1024, clusterSize: 65_536, granularities: [512, 65_536] },
    { size: 1024 * 1024 + 512, clusterSize: 512, granularities: [512, 4096] },
    { size: 3 * 1024 ** 4, clusterSize: 65_536, granularities: [65_536, 2 ** 21] },
  ])('are read as QEMU wrote them: $size bytes, clusters of $clusterSize', async (shape) => {
    const { size, clusterSize, granularities } = shape;
    const path = join(dir, `theirs-${size}.qcow2`);
    await run(
      'qemu-img',
      'create',
      '-q',
      '-f',
      'qcow2',
      '-o',
      `cluster_size=${clusterSize}`,
      path,
      `${size}`,
    );
    for (const granularity of granularities) {
      await run('qemu-img', 'bitmap', '--add', '-g', `${granularity}`, path, `on-${granularity}`);
    }
    await run('qemu-img', 'bitmap', '--add', '--disable', path, 'off');
    await run(
      'qemu-io',
      '-f',
      'qcow2',
      '-c',
      'write 1000 70000',
      '-c',
      `write ${size - 512} 512`,
      path,
    );
    await run('qemu-img', 'bitmap', '--add', path, 'empty');

    const theirs = await qemuBitmaps(path);
    const sums = await qemuSha256(
      path,
      theirs.map(({ name }) => name),
    );
    await withStore(path, { writable: false }, async (store) => {
      const flags = (enabled: boolean) => (enabled ? ['auto'] : []);
      const ours = await store.list();
      expect(
        ours.map(({ name, granularity, enabled }) => ({
          name,
          granularity,
          flags: flags(enabled),
        })),
      ).toEqual(theirs);
      for (const { name } of ours) {
        const bitmap = await store.load(name);
        expect([name, bitmap.sha256()]).toEqual([name, sums[name]]);
        expect([...bitmap.extents()]).toEqual(await qemuDirtyMap(path, name));
      }
    });
  });

  it('are read by QEMU as we wrote them', async () => {
    let count = 0;
    const shapes = fc.uniqueArray(
      fc.record({
        name: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
        enabled: fc.boolean(),
        granularity: fc.constantFrom(512, 4096, 65_536, 2 ** 20),
        dirty: fc.array(fc.tuple(fc.nat(2 ** 22 - 1), fc.nat(300_000)), { maxLength: 6 }),
      }),
      { minLength: 1, maxLength: 5, selector: ({ name }) => name },
    );
    const image = fc.record({
      size: fc.integer({ min: 1, max: 2 ** 13 }).map((sectors) => sectors * 512),
      clusterSize: fc.constantFrom(512, 4096, 65_536),
    });
    await fc.assert(
      fc.asyncProperty(image, shapes, async ({ size, clusterSize }, wanted) => {
        const path = join(dir, `ours-${++count}.qcow2`);
        const contents = new Map(
          wanted.map(({ name, granularity, dirty }) => {
            const bitmap = new DirtyBitmap(size, granularity);
            for (const [at, length] of dirty) {
              const offset = at % size;
              bitmap.set(offset, Math.min(length, size - offset));
            }
            return [name, bitmap] as const;
          }),
        );
        {
          await using file = await openFileDevice(path, { writable: true, create: 'exclusive' });
          await createQcow2(file, { size, clusterSize });
        }
        await withStore(path, { writable: true }, (store) =>
          store.commit(
            wanted.map(({ name, enabled }) => {
              return { op: 'create', name, enabled, content: contents.get(name)! };
            }),
          ),
        );
        expect(await sh('qemu-img', 'check', '-q', path)).toMatchObject({ code: 0, stderr: '' });
        expect(await qemuBitmaps(path)).toEqual(
          wanted.map(({ name, granularity, enabled }) => {
            return { name, granularity, flags: enabled ? ['auto'] : [] };
          }),
        );
        const sums = [...contents].map(([name, bitmap]) => [name, bitmap.sha256()] as const);
        expect(await qemuSha256(path, [...contents.keys()])).toEqual(Object.fromEntries(sums));
      }),
      { numRuns: 25 },
    );
  });

  async function imageWith(name: string, dirty: readonly (readonly [number, number])[]) {
    const path = join(dir, `${name}.qcow2`);
    const size = 1024 * 1024;
    {
      await using file = await openFileDevice(path, { writable: true, create: 'exclusive' });
      await createQcow2(file, { size });
    }
    const content = new DirtyBitmap(size, 65_536);
    for (const [offset, length] of dirty) content.set(offset, length);
    await withStore(path, { writable: true }, (store) =>
      store.commit([{ op: 'create', name: 'a', enabled: true, content }]),
    );
    return path;
  }

  it('go on in QEMU, and then with us again', async () => {
    const path = await imageWith('shared', [[0, 1]]);
    await run('qemu-io', '-f', 'qcow2', '-c', 'write 262144 65536', path);
    await withStore(path, { writable: true }, async (store) => {
      const bitmap = (await store.acquire(['a'])).get('a')!;
      expect([...bitmap.dirtyExtents()].map(({ offset }) => offset)).toEqual([0, 262_144]);
      bitmap.set(524_288, 1);
      await store.commit([{ op: 'store', name: 'a', content: bitmap }]);
    });
    await run('qemu-io', '-f', 'qcow2', '-c', 'write 1048064 512', path);
    const dirty = (await qemuDirtyMap(path, 'a')).filter((extent) => extent.dirty);
    expect(dirty.map(({ offset }) => offset)).toEqual([0, 262_144, 524_288, 983_040]);
    expect(await sh('qemu-img', 'check', '-q', path)).toMatchObject({ code: 0, stderr: '' });
  });

  it('that we left in use are in use for QEMU, which refuses them', async () => {
    const path = await imageWith('crashed', [[0, 1]]);
    const copy = join(dir, 'crashed-copy.qcow2');
    await withStore(path, { writable: true }, async (store) => {
      await store.acquire(['a']);
      copyFileSync(path, copy);
    });
    expect(await qemuBitmaps(copy)).toMatchObject([{ name: 'a', flags: ['in-use', 'auto'] }]);
    const merge = await sh('qemu-img', 'bitmap', '--add', '--merge', 'a', copy, 'b');
    expect(merge.code).not.toBe(0);
    expect(merge.stderr).toContain('inconsistent');
    await run('qemu-img', 'bitmap', '--remove', copy, 'a');
    await expectSound(copy);
  });

  it('that QEMU left in use are inconsistent for us', async () => {
    const path = await imageWith('killed', [[0, 1]]);
    // Ends as a crash would: no cleaning up, no storing.
    const killed = await sh(
      'sh',
      '-c',
      `qemu-io -f qcow2 -c 'write 0 512' -c 'sigraise 9' '${path}'; true`,
    );
    expect(killed.code).toBe(0);
    await withStore(path, { writable: true }, async (store) => {
      expect(await store.list()).toMatchObject([{ name: 'a', state: 'inconsistent' }]);
      await expect(store.load('a')).rejects.toMatchObject({ code: 'BITMAP_INCONSISTENT' });
      await store.commit([{ op: 'remove', name: 'a' }]);
    });
    expect(await qemuBitmaps(path)).toEqual([]);
    await expectSound(path);
  });
});
