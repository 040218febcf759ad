// Lists the bitmaps that QEMU keeps in an image, and where they are dirty. The image is only read.
//   node examples/read-bitmaps-of-qemu.ts IMAGE.qcow2
import { openFileDevice } from '@tidemark/block';
import { openQcow2 } from '@tidemark/qcow2';
import { openQcow2Store } from '@tidemark/store-qcow2';

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error('which image?');

await using file = await openFileDevice(path);
await using image = await openQcow2(file);
await using store = await openQcow2Store(image, { writable: false });
for (const { name, granularity, enabled, state } of await store.list()) {
  console.log(`${name}: ${granularity} bytes to a bit, ${enabled ? 'recording' : 'off'}, ${state}`);
  if (state !== 'stored') continue; // in use or inconsistent: nobody may believe it
  const bitmap = await store.load(name);
  for (const { offset, length } of bitmap.dirtyExtents()) console.log(`  ${offset} ${length}`);
}
