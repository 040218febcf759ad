import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { createQcow2, openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';

const file = new MemoryDevice({ size: 0 }); // or: await openFileDevice('/vm/a.qcow2', { writable: true })
await createQcow2(file, { size: 2 ** 30 });

await using image = await openQcow2(file, { writable: true });
await using store = await openQcow2Store(image);
const content = new DirtyBitmap(store.diskSize, 65_536);
content.set(0, 4096);
await store.commit([{ op: 'create', name: 'monday', enabled: true, content }]);
console.log(await store.list(), (await store.load('monday')).count);
