import { link, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { openFileDevice } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { createSidecar } from '@tidemark/store-sidecar';

/**
 * Makes an empty sidecar for a drive of `diskSize` bytes. It appears under its name whole and
 * durable, or not at all. @throws FILE_EXISTS, NO_SPACE, PERMISSION_DENIED
 */
export async function createSidecarFile(path: string, diskSize: number): Promise<void> {
  const temporary = `${path}.new-${process.pid}`;
  const device = await openFileDevice(temporary, { writable: true, create: 'exclusive', lock: false });
  try {
    await createSidecar(device, { diskSize });
    await device.close();
    // The commit point. Not rename: that would put it over a sidecar made meanwhile.
    await link(temporary, path).catch((cause: unknown) => {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
      throw new TidemarkError('FILE_EXISTS', `'${path}' exists already`, { where: path }, cause);
    });
  } finally {
    await device.close();
    await unlink(temporary);
  }
  await syncFolder(dirname(path));
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
