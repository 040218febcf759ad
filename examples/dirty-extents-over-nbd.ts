// Asks any NBD server that knows QEMU's dirty bitmaps which parts of an export have changed.
//   qemu-nbd -r -t -k /tmp/nbd.sock -B nightly vm.qcow2 &
//   node examples/dirty-extents-over-nbd.ts 'nbd+unix:///?socket=/tmp/nbd.sock' nightly
import { connectNbd } from '@tidemark/nbd';

const [uri, bitmap] = process.argv.slice(2);
if (uri === undefined || bitmap === undefined) throw new Error('which server, and which bitmap?');

const context = `qemu:dirty-bitmap:${bitmap}`;
await using disk = await connectNbd(uri, { contexts: [context] });
const buffer = Buffer.alloc(2 ** 20);
let changed = 0;
for await (const { offset, length, flags } of disk.contextExtents(context, 0, disk.size)) {
  if (flags === 0) continue;
  console.log(`${offset} ${length}`);
  // What a backup would copy:
  for (let at = offset; at < offset + length; at += buffer.length) {
    await disk.read(buffer.subarray(0, Math.min(buffer.length, offset + length - at)), at);
  }
  changed += length;
}
console.log(`${changed} of ${disk.size} bytes have changed`);
