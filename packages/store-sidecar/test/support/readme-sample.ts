import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { createSidecar, openSidecarStore } from '@tidemark/store-sidecar';

const drive = new MemoryDevice({ size: 2 ** 30 }); // or: await openFileDevice('/vm/a.raw', …)
const sidecar = new MemoryDevice({ size: 0 }); // … and defaultSidecarPath('/vm/a.raw')
await createSidecar(sidecar, { diskSize: drive.size });

await using store = await openSidecarStore({ drive, sidecar });
const content = new DirtyBitmap(store.diskSize, 65_536);
content.set(0, 4096);
await store.commit([{ op: 'create', name: 'monday', enabled: true, content }]);
console.log(await store.list(), (await store.load('monday')).count);
