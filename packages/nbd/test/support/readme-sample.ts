import { MemoryDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import { connectNbd, startNbdServer } from '@tidemark/nbd';

const device = new MemoryDevice({ size: 2 ** 30 });
const monday = new DirtyBitmap(device.size, 65_536);
monday.set(100_000, 1);

await using server = await startNbdServer({
  address: { type: 'inet', host: '127.0.0.1', port: 0 }, // or { type: 'unix', path }
  exports: [{ name: 'vm', device, bitmaps: () => [{ name: 'monday', content: () => monday }] }],
});
const port = server.address.type === 'inet' ? server.address.port : 0;

const context = 'qemu:dirty-bitmap:monday';
await using disk = await connectNbd(`nbd://127.0.0.1:${port}/vm`, { contexts: [context] });
await disk.write(new TextEncoder().encode('hello'), 2 ** 29);
for await (const { offset, length, flags } of disk.contextExtents(context, 0, disk.size)) {
  console.log(offset, length, flags === 1 ? 'dirty' : 'clean');
}
