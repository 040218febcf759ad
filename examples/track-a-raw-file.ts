// Writes a raw file through Tidemark: the bitmap beside it knows what changed, this run and the next ones.
//   node examples/track-a-raw-file.ts DISK.raw
import { existsSync } from 'node:fs';
import { DirtyBitmap } from '@tidemark/core';
import { createDrive, openDrive, openDriveBitmaps, openRecordingDrive } from '@tidemark/drive';

const path = process.argv[2] ?? 'disk.raw';

if (!existsSync(path)) {
  const made = await createDrive(path, { format: 'raw', size: 2 ** 30 });
  await made.device.close();
  // A raw file has no room for bitmaps: they get a sidecar beside it.
  const drive = await openDrive(path, { format: 'raw', access: 'bitmaps' });
  const { store } = await openDriveBitmaps(drive, { create: true });
  const content = new DirtyBitmap(drive.device.size, 65_536);
  await store!.commit([{ op: 'create', name: 'nightly', enabled: true, content }]);
  await store!.close();
  await drive.device.close();
}

const recording = await openRecordingDrive(path, { format: 'raw' });
const offset = 2 ** 20 * Math.floor(Math.random() * 1024);
await recording.device.write(new TextEncoder().encode('hello'), offset);
for (const { name, count } of await recording.list()) {
  console.log(`wrote at ${offset}; ${name} calls ${count} bytes dirty`);
}
await recording.close();
