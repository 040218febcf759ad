import { DirtyBitmap, isTidemarkError } from '@tidemark/core';
import { openDrive, openDriveBitmaps } from '../../src/index.ts';

// Another process that adds a bitmap: DRIVE NAME.
const [path = '', name = ''] = process.argv.slice(2);
const drive = await openDrive(path, { format: 'raw', access: 'bitmaps' });
try {
  const { store } = await openDriveBitmaps(drive, { create: true });
  const content = new DirtyBitmap(drive.device.size, 65_536);
  await store!.commit([{ op: 'create', name, enabled: true, content }]);
  await store!.close();
  process.stdout.write('added');
} catch (error) {
  process.stdout.write(isTidemarkError(error) ? error.code : String(error));
}
await drive.device.close();
