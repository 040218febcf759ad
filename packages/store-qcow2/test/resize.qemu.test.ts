import { join } from 'node:path';
import { openFileDevice } from '@tidemark/block';
import { type BitmapStore, DirtyBitmap } from '@tidemark/core';
import { openQcow2, type Qcow2Image } from '@tidemark/qcow2';
import { expect, it } from 'vitest';
import { describeWithQemu, run, sh, tempDir } from '../../../tools/qemu.ts';
import { qemuBitmaps, qemuDirtyMap, qemuSha256 } from '../../../tools/qemu-bitmaps.ts';
import { openQcow2Store } from '../src/index.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

const TOOLS = ['qemu-img', 'qemu-io', 'qemu-nbd', 'qemu-storage-daemon', 'nbdinfo'] as const;

const KINDS = ['cluster_size=64k', 'cluster_size=512', 'cluster_size=2M'];

/** Sizes in multiples of 64 granules, since QEMU puts tail bits into its checksum. */
const SIZES = [4 * MIB, 12 * MIB, 2 * MIB, 6 * MIB];

async function withStore<T>(
  path: string,
  work: (store: BitmapStore, image: Qcow2Image) => Promise<T>,
): Promise<T> {
  await using file = await openFileDevice(path, { writable: true });
  await using image = await openQcow2(file, {
    writable: true,
    openBacking: (name) => openFileDevice(name),
  });
  await using store = await openQcow2Store(image);
  return await work(store, image);
}

describeWithQemu('an image with bitmaps that is resized', TOOLS, () => {
  const dir = tempDir();

  async function makeImage(name: string, options: string, ...more: string[]): Promise<string> {
    const path = join(dir, name);
    const size = String(SIZES[0]);
    await run('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', options, ...more, path, size);
    await run('qemu-img', 'bitmap', '--add', '-g', '512', path, 'fine');
    await run('qemu-img', 'bitmap', '--add', '-g', '64k', path, 'coarse');
    await qemuIo(path, 'write -P 7 100k 3000k');
    return path;
  }

  async function qemuIo(path: string, ...commands: readonly string[]): Promise<void> {
    await run('qemu-io', '-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), path);
  }

  async function expectSound(path: string): Promise<void> {
    const { code, stdout } = await sh('qemu-img', 'check', path);
    expect([code, stdout]).toEqual([0, expect.stringContaining('No errors')]);
  }

  it.each(KINDS)('by us is what we say it is to QEMU: %s', async (options) => {
    const path = await makeImage(`ours-${options}.qcow2`, options);
    const raw = join(dir, `ours-${options}.raw`);
    const model = await withStore(path, (store) => store.load('fine'));
    await run('qemu-img', 'convert', '-O', 'raw', path, raw);
    for (const size of SIZES.slice(1)) {
      await withStore(path, (store) => store.resize(size));
      model.resize(size, { grown: 'dirty' });
      await run('qemu-img', 'resize', '-q', '-f', 'raw', '--shrink', raw, String(size));
      await expectSound(path);
      expect(await run('qemu-img', 'compare', path, raw)).toContain('identical');
      const names = (await qemuBitmaps(path)).map(({ name }) => name);
      expect(names).toEqual(['fine', 'coarse']);
      expect((await qemuSha256(path, names))['fine']).toBe(model.sha256());
      expect(await qemuDirtyMap(path, 'fine')).toEqual([...model.extents()]);
    }
    // Nothing of it but the truth is on the way of what comes after.
    await qemuIo(path, 'write -P 9 5M 64k');
    await withStore(path, async (store) => {
      model.set(5 * MIB, 64 * KIB);
      expect((await store.load('fine')).sha256()).toBe(model.sha256());
    });
  });

  it.each(KINDS)('by QEMU is read by us as QEMU reads it: %s', async (options) => {
    const path = await makeImage(`theirs-${options}.qcow2`, options);
    for (const size of SIZES.slice(1)) {
      await run('qemu-img', 'resize', '-q', '--shrink', path, String(size));
      const sums = await qemuSha256(path, ['fine', 'coarse']);
      await withStore(path, async (store, image) => {
        expect([store.diskSize, image.size]).toEqual([size, size]);
        for (const name of ['fine', 'coarse']) {
          expect([name, (await store.load(name)).sha256()]).toEqual([name, sums[name]]);
        }
        // Ours from here: QEMU leaves what it adds clean, which is right where zeros were.
        await store.resize(size + 64 * KIB * 64);
        await store.resize(size);
      });
      await expectSound(path);
    }
  });

  it('shows zeros in what it grows by, whatever its backing file has there', async () => {
    const base = join(dir, 'base.raw');
    await run('qemu-img', 'create', '-q', '-f', 'raw', base, String(16 * MIB));
    await run('qemu-io', '-f', 'raw', '-c', 'write -P 5 0 16M', base);
    const path = await makeImage('overlay.qcow2', 'cluster_size=64k', '-b', base, '-F', 'raw');
    for (const size of [2 * MIB, 10 * MIB]) await withStore(path, (store) => store.resize(size));
    await expectSound(path);
    await qemuIo(path, 'read -P 7 100k 1948k', 'read -P 5 0 100k', 'read -P 0 2M 8M');
  });

  it('with a bitmap that is left in use is refused, as QEMU does', async () => {
    const path = await makeImage('left.qcow2', 'cluster_size=64k');
    await withStore(path, (store) => store.acquire(['coarse']));
    const theirs = await sh('qemu-img', 'resize', path, String(SIZES[1]));
    expect([theirs.code, theirs.stderr]).toEqual([1, expect.stringContaining('inconsistent')]);
    await withStore(path, async (store) => {
      const refused = store.resize(SIZES[1]!);
      await expect(refused).rejects.toMatchObject({ code: 'BITMAP_INCONSISTENT' });
      expect(store.diskSize).toBe(SIZES[0]);
    });
    await expectSound(path);
  });

  it('with snapshots keeps them', async () => {
    const path = await makeImage('snapshot.qcow2', 'cluster_size=4k');
    await run('qemu-img', 'snapshot', '-c', 'first', path);
    await withStore(path, async (store, image) => {
      await store.resize(1 * MIB);
      await image.write(new Uint8Array(64 * KIB).fill(9), 512 * KIB);
    });
    await expectSound(path);
    await withStore(path, (store) => store.resize(8 * MIB));
    await expectSound(path);
    await qemuIo(path, 'read -P 9 512k 64k', 'read -P 7 576k 448k', 'read -P 0 1M 7M');
    const back = join(dir, 'back.raw');
    const snapshot = ['-l', 'snapshot.name=first', '-O', 'raw', path, back];
    await run('qemu-img', 'convert', ...snapshot);
    await run('qemu-io', '-f', 'raw', '-c', 'read -P 7 512k 512k', back);
  });

  it('takes whole sectors only, and no more of them than its L1 table can map', async () => {
    const path = await makeImage('limits.qcow2', 'cluster_size=512');
    await withStore(path, async (store) => {
      for (const [size, code] of [
        [SIZES[0]! + 1, 'BITMAP_INVALID'],
        [0, 'BITMAP_INVALID'],
        // 32 MiB of L1 table: QEMU's limit.
        [128 * 1024 * MIB + 512, 'OUT_OF_RANGE'],
        [2 ** 52, 'BITMAP_TOO_LARGE'],
      ] as const) {
        await expect(store.resize(size)).rejects.toMatchObject({ code });
      }
      await store.resize(SIZES[0]!);
      expect(store.diskSize).toBe(SIZES[0]);
      await store.commit([
        { op: 'create', name: 'c', enabled: true, content: new DirtyBitmap(SIZES[0]!, 512) },
      ]);
    });
    await expectSound(path);
  });
});
