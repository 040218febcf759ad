import { openFileDevice } from '@tidemark/block';
import { openQcow2 } from '@tidemark/qcow2';
import { openSidecarStore } from '@tidemark/store-sidecar';
import { openTrackedDrive } from '@tidemark/tracking';
import { openDrive } from '../../src/index.ts';

/** Writes a drive with live bitmaps and ends as a kill would end it, in the midst of writing. */
export async function crashBusy(path: string, sidecarPath: string): Promise<void> {
  const drive = await openDrive(path, { format: 'raw', access: 'write' });
  const sidecar = await openFileDevice(sidecarPath, { writable: true });
  // It never comes to rest.
  const later = () => {};
  const store = await openSidecarStore({ drive: drive.file, sidecar, writesDrive: true, later });
  const options = { device: drive.device, label: path, stores: [store], writable: true } as const;
  const { device } = await openTrackedDrive({ ...options, durability: 'live' });
  await device.write(Buffer.from('ours'), 5000);
  // What a kill does: files are closed, and nothing else.
  await drive.device.close();
  await sidecar.close();
}

/** As if the lease of the crashed session ended with its last write. */
export async function endLease(path: string, sidecarPath: string): Promise<void> {
  await using raw = await openFileDevice(path);
  const facts = await raw.facts({ durable: true });
  if (facts?.kind !== 'file') throw new Error('the drive is no file');
  const { modified, changed } = facts;
  const image = await openQcow2(await openFileDevice(sidecarPath, { writable: true }), {
    writable: true,
  });
  const leaseUntil = modified > changed ? modified : changed;
  await image.metadata.commitControl((control) => ({ ...control, leaseUntil }));
  await image.close();
}
