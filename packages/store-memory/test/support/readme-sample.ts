import { DirtyBitmap } from '@tidemark/core';
import { MemoryDisk, openMemoryStore } from '@tidemark/store-memory';

const disk = new MemoryDisk(2 ** 40); // keeps the bitmaps, as a file would
{
  await using store = await openMemoryStore(disk);
  const content = new DirtyBitmap(disk.diskSize, 65_536);
  await store.commit([{ op: 'create', name: 'monday', enabled: true, content }]);
  const acquired = await store.acquire(['monday']); // in use from here on
  const monday = acquired.get('monday')!;
  monday.set(0, 4096);
  await store.commit([{ op: 'store', name: 'monday', content: monday }]);
}
await using store = await openMemoryStore(disk, { writable: false });
console.log(await store.list(), (await store.load('monday')).count);
