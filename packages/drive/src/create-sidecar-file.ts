import { rm } from 'node:fs/promises';
import { openFileDevice } from '@tidemark/block';
import { createSidecar } from '@tidemark/store-sidecar';
import { publish, temporaryName } from './whole-file.ts';

/**
 * Makes an empty sidecar for a drive of `diskSize` bytes. It appears under its name whole and
 * durable, or not at all. @throws FILE_EXISTS, NO_SPACE, PERMISSION_DENIED
 */
export async function createSidecarFile(path: string, diskSize: number): Promise<void> {
  const temporary = temporaryName(path);
  const device = await openFileDevice(temporary, {
    writable: true,
    create: 'exclusive',
    lock: false,
  });
  try {
    await createSidecar(device, { diskSize });
    await device.close();
    await publish(temporary, path);
  } finally {
    await device.close();
    await rm(temporary, { force: true });
  }
}
