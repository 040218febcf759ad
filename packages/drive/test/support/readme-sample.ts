import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DirtyBitmap } from '@tidemark/core';
import { createDrive, openDrive, openDriveBitmaps, openRecordingDrive } from '@tidemark/drive';

const path = join(await mkdtemp(join(tmpdir(), 'drive-')), 'disk.raw');
const made = await createDrive(path, { format: 'raw', size: 2 ** 30 });
await made.device.close();

// Its bitmaps: inside a qcow2 image, or in a sidecar beside a raw drive.
const drive = await openDrive(path, { format: 'raw', access: 'bitmaps' });
const { store, sidecarPath } = await openDriveBitmaps(drive, { create: true });
const content = new DirtyBitmap(drive.device.size, 65_536);
await store!.commit([{ op: 'create', name: 'nightly', enabled: true, content }]);
await store!.close();
await drive.device.close();

// To write it: every enabled bitmap records.
const recording = await openRecordingDrive(path, { format: 'raw' });
await recording.device.write(new TextEncoder().encode('hello'), 2 ** 20);
const [nightly] = await recording.list();
console.log(sidecarPath?.endsWith('disk.raw.tidemark.qcow2'), nightly?.name, nightly?.count);
await recording.close();
