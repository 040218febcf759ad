import { copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFileDevice } from '@tidemark/block';
import { DirtyBitmap, LIVE_SECTOR_BYTES } from '@tidemark/core';
import { openQcow2 } from '@tidemark/qcow2';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { openQcow2Store } from '../src/index.ts';
import { checkpointsOf, idOf, makeImage, SIZE, withStore } from './support/images.ts';

const dir = tempDir();
let count = 0;

async function newImage(...names: readonly string[]): Promise<string> {
  const path = join(dir, `${count++}.qcow2`);
  await makeImage(path, { checkpoints: names });
  return path;
}

const infosOf = (path: string) => withStore(path, (store) => store.list(), { writable: false });

/** The file as it was while `a` recorded in it; what a crash leaves is the same. */
async function whileLive(path: string, work: (copy: string) => Promise<void>): Promise<void> {
  const copy = `${path}.copy`;
  await withStore(path, async (store) => {
    await store.acquire(['a'], { live: true });
    const ones = new DirtyBitmap(SIZE, 65_536);
    ones.set(0, SIZE);
    const bytes = new Uint8Array(LIVE_SECTOR_BYTES);
    ones.serialize(bytes);
    await store.live!.bits('a').write(bytes, 0);
    await store.live!.sync();
    copyFileSync(path, copy);
    await store.commit([{ op: 'release', name: 'a' }]);
  });
  await work(copy);
}

describe('an image', () => {
  it('has an id of its own, which stays', async () => {
    const [first, second] = [await newImage('a'), await newImage('a')];
    const id = await idOf(first);
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(await idOf(second)).not.toBe(id);
    await withStore(first, (store) => store.commit([{ op: 'remove', name: 'a' }]));
    expect(await idOf(first)).toBe(id);
  });

  it('A10: copied while its bitmaps are live, has none that is trusted, and why is told', async () => {
    const path = await newImage('a', 'b');
    await withStore(path, async (store) => {
      const content = new DirtyBitmap(SIZE, 65_536);
      await store.commit([{ op: 'create', name: 'off', enabled: false, content }]);
    });
    await whileLive(path, async (copy) => {
      const reason = expect.stringMatching(/in use when it was copied.*another file \(inode/);
      const suspect = { state: 'inconsistent', rule: 'copy', reason };
      expect(await infosOf(copy)).toMatchObject([suspect, suspect, { state: 'stored' }]);
      await withStore(copy, (store) => store.commit([{ op: 'remove', name: 'b' }]));
      // On disk too, for QEMU and for us, when the header is of this file.
      expect(await infosOf(copy)).toMatchObject([{ state: 'inconsistent' }, { state: 'stored' }]);
    });
    expect(await infosOf(path)).toMatchObject([{ state: 'stored' }, {}, {}]);
  });

  it('A10: found in use in its own file, has all that was written', async () => {
    const path = await newImage('a', 'b');
    const before = await checkpointsOf(path);
    await whileLive(path, async (copy) => {
      // The same file as a crash leaves it.
      writeFileSync(path, readFileSync(copy));
    });
    expect(await infosOf(path)).toMatchObject([{ state: 'stored' }, { state: 'stored' }]);
    expect(await checkpointsOf(path)).toEqual(before);
    await withStore(path, async (store) => {
      expect((await store.load('a')).dirtyBytes).toBe(SIZE);
    });
  });

  it('A10: at rest it can be copied and moved', async () => {
    const path = await newImage('a');
    const before = await checkpointsOf(path);
    copyFileSync(path, `${path}.copy`);
    renameSync(path, `${path}.moved`);
    for (const name of ['copy', 'moved']) {
      expect(await infosOf(`${path}.${name}`)).toMatchObject([{ state: 'stored' }]);
      expect(await checkpointsOf(`${path}.${name}`)).toEqual(before);
    }
  });

  it('is written once when bitmaps become live, and once when none is any more', async () => {
    const path = await newImage('a', 'b');
    const sectorOf = () => readFileSync(path).subarray(0, 512);
    const states: Buffer[] = [sectorOf()];
    await withStore(path, async (store) => {
      await store.acquire(['a'], { live: true });
      states.push(Buffer.from(sectorOf()));
      await store.acquire(['b'], { live: true });
      await store.commit([{ op: 'release', name: 'b' }]);
      expect(sectorOf().equals(states[1]!)).toBe(true);
      await store.commit([{ op: 'release', name: 'a' }]);
      states.push(Buffer.from(sectorOf()));
    });
    expect(sectorOf().equals(states[2]!)).toBe(true);
    expect(new Set(states.map(String)).size).toBe(3);
    await withStore(path, (store) => store.list());
    expect(sectorOf().equals(states[2]!)).toBe(true);
  });

  it('read without a lock, is not read when it was changed meanwhile', async () => {
    const path = await newImage('a', 'b');
    const file = await openFileDevice(path, { lock: false });
    await using image = await openQcow2(file);
    await using store = await openQcow2Store(image, { isShared: true });
    expect((await store.load('a')).dirtyBytes).toBe(0);
    await withStore(path, (other) => other.commit([{ op: 'remove', name: 'b' }]));
    await expect(store.load('a')).rejects.toMatchObject({ code: 'LOCKED' });
  });
});
