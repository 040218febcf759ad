import { type BitmapChange, DirtyBitmap } from '@tidemark/core';
import { MemoryDisk, openMemoryStore } from '@tidemark/store-memory';
import { changesOf } from '@tidemark/xo-disk';
import { describe, expect, it, vi } from 'vitest';

const SIZE = 2 ** 20;
const CHECKPOINT = '0123456789abcdef0123456789abcdef';

async function storeWith(...changes: readonly BitmapChange[]) {
  const disk = new MemoryDisk(SIZE);
  const store = await openMemoryStore(disk);
  await store.commit(changes);
  return { disk, store };
}

function bitmap(name: string, enabled = true, checkpoint?: string): BitmapChange {
  const content = new DirtyBitmap(SIZE, 65_536);
  content.set(131_072, 1);
  return {
    op: 'create',
    name,
    enabled,
    content,
    ...(checkpoint === undefined ? {} : { checkpoint }),
  };
}

describe('the changes that a bitmap of a store tells', () => {
  it('are what is dirty in it', async () => {
    const { store } = await storeWith(bitmap('nightly'));
    const bits = await changesOf(store, 'nightly')();
    expect([...bits.dirtyExtents()]).toEqual([{ offset: 131_072, length: 65_536, dirty: true }]);
  });

  it('are not to be had of a bitmap that is not there', async () => {
    const { store } = await storeWith();
    await expect(changesOf(store, 'nightly')).rejects.toMatchObject({ code: 'BITMAP_NOT_FOUND' });
  });

  it('are not to be had while it is in use, nor after that was cut off', async () => {
    const { disk, store } = await storeWith(bitmap('nightly'));
    await store.acquire(['nightly']);
    await expect(changesOf(store, 'nightly')).rejects.toMatchObject({ code: 'BITMAP_BUSY' });
    const after = await openMemoryStore(disk);
    await expect(changesOf(after, 'nightly')).rejects.toMatchObject({
      code: 'BITMAP_INCONSISTENT',
    });
  });

  it('are not to be had of one that is disabled', async () => {
    const { store } = await storeWith(bitmap('nightly', false));
    await expect(changesOf(store, 'nightly')).rejects.toMatchObject({ code: 'BITMAP_INVALID' });
  });

  it('are not to be had of one that is disabled while it is read', async () => {
    const { store } = await storeWith(bitmap('nightly'));
    const load = store.load.bind(store);
    vi.spyOn(store, 'load').mockImplementation(async (name) => {
      const bits = await load(name);
      await store.commit([{ op: 'switch', name, enabled: false }]);
      return bits;
    });
    await expect(changesOf(store, 'nightly')).rejects.toMatchObject({ code: 'BITMAP_INVALID' });
  });

  it('begin at the checkpoint that is asked for, or are not to be had', async () => {
    const { store } = await storeWith(
      bitmap('nightly', true, CHECKPOINT),
      bitmap('of no checkpoint'),
    );
    const bits = await changesOf(store, 'nightly', { checkpoint: CHECKPOINT })();
    expect(bits.count).toBe(1);
    const another = { checkpoint: CHECKPOINT.replace('0', 'f') };
    await expect(changesOf(store, 'nightly', another)).rejects.toMatchObject({
      code: 'BACKUP_PARENT_MISMATCH',
    });
    await expect(changesOf(store, 'of no checkpoint', another)).rejects.toMatchObject({
      code: 'BACKUP_PARENT_MISMATCH',
    });
  });
});
