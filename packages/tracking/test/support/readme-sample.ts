import { MemoryDevice } from '@tidemark/block';
import { MemoryDisk, openMemoryStore } from '@tidemark/store-memory';
import { openTrackedDrive } from '@tidemark/tracking';

const size = 2 ** 30;
await using drive = await openTrackedDrive({
  device: new MemoryDevice({ size }),
  label: 'vda',
  stores: [await openMemoryStore(new MemoryDisk(size))], // or of a qcow2 image, or a sidecar
  writable: true,
  select: [{ name: 'monday', create: true }],
}); // 'monday' is durably in use from here on
await drive.device.write(new Uint8Array(4096), 65_536);

await drive.transaction([
  { op: 'add', name: 'tuesday', persistent: true },
  { op: 'disable', name: 'monday' },
]); // one instant: no write falls between the two
await drive.device.write(new Uint8Array(4096), 0);

for (const { name, recording, count } of await drive.list()) console.log(name, recording, count);
