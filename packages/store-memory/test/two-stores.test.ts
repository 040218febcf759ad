import { DirtyBitmap } from '@tidemark/core';
import { expect, it } from 'vitest';
import { MemoryDisk, openMemoryStore } from '../src/index.ts';

const SIZE = 65_536;

async function diskWithBitmap(): Promise<MemoryDisk> {
  const disk = new MemoryDisk(SIZE);
  await using store = await openMemoryStore(disk);
  const content = new DirtyBitmap(SIZE, 512);
  await store.commit([{ op: 'create', name: 'a', enabled: true, content }]);
  return disk;
}

it('does not let a second store take back the in-use bit that the first one set', async () => {
  const disk = await diskWithBitmap();
  const first = await openMemoryStore(disk);
  const second = await openMemoryStore(disk);
  await first.acquire(['a']);
  const content = new DirtyBitmap(SIZE, 512);
  const commit = second.commit([{ op: 'create', name: 'b', enabled: true, content }]);
  await expect(commit).rejects.toMatchObject({ code: 'STORE_FAILED' });
  const third = await openMemoryStore(disk);
  expect(await third.list()).toMatchObject([{ name: 'a', state: 'inconsistent' }]);
});

it('does not let a reader load what another store is changing', async () => {
  const disk = await diskWithBitmap();
  const reader = await openMemoryStore(disk, { writable: false });
  const writer = await openMemoryStore(disk);
  await writer.acquire(['a']);
  await expect(reader.load('a')).rejects.toMatchObject({ code: 'STORE_FAILED' });
});

it('gives copies, and keeps what is on the disk to itself', async () => {
  const disk = await diskWithBitmap();
  await using store = await openMemoryStore(disk);
  (await store.load('a')).setAll();
  expect(disk.contents.get('a')!.count).toBe(0);
});

it('takes no bits of a live bitmap that another store has changed', async () => {
  const disk = await diskWithBitmap();
  const first = await openMemoryStore(disk);
  await first.acquire(['a'], { live: true });
  const bits = first.live!.bits('a');
  const second = await openMemoryStore(disk);
  await second.commit([{ op: 'store', name: 'a', content: new DirtyBitmap(SIZE, 512) }]);
  const failed = { code: 'STORE_FAILED' };
  await expect(bits.write(new Uint8Array(512).fill(255), 0)).rejects.toMatchObject(failed);
  await expect(first.live!.sync()).rejects.toMatchObject(failed);
  expect((await second.load('a')).count).toBe(0);
});
