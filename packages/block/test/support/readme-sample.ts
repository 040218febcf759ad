import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFileDevice } from '@tidemark/block';

const folder = await mkdtemp(join(tmpdir(), 'disk-'));
await using disk = await openFileDevice(join(folder, 'disk.raw'), {
  writable: true,
  create: 'exclusive',
  size: 2 ** 40,
  onNotice: console.warn,
});
await disk.write(new TextEncoder().encode('hello'), 2 ** 39);
await disk.flush();
for await (const { length, zero } of disk.extents(0, disk.size)) {
  if (!zero) console.log(`${length} of ${disk.size} bytes lie on the disk`);
}
