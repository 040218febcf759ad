import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { BitmapDirectory, createQcow2, openQcow2 } from '@tidemark/qcow2';

const file = new MemoryDevice({ size: 0 }); // or openFileDevice('vm.qcow2', { writable: true })
await createQcow2(file, { size: 10 * 2 ** 30 });

const image = await openQcow2(file, { writable: true });
await image.write(new TextEncoder().encode('hello'), 5 * 2 ** 30);
await image.flush(); // durable, and so is every table that leads to it

const bitmaps = await BitmapDirectory.open({ image: image.metadata });
const monday = new DirtyBitmap(image.size, 65_536);
monday.set(5 * 2 ** 30, 5);
const entry = { name: 'monday', granularity: 65_536, enabled: true, inUse: false };
await bitmaps.replace([entry], new Map([['monday', monday]])); // all or nothing, in one sector

for await (const { offset, length, allocated } of image.extents(0, image.size)) {
  if (allocated) console.log(offset, length);
}
for (const { name } of bitmaps.records) {
  console.log(name, (await bitmaps.readContent(name)).dirtyBytes);
}
await image.close(); // closes the file, too
