import { TidemarkError } from '@tidemark/core';
import type { Drive, OpenDriveOptions } from './open-drive.ts';

/** Milliseconds that a server may be gone for, as it is when it is started anew. */
const RECONNECT_MS = 30_000;

/** Whether a drive is named by the address of an NBD server. */
export function isNbdUri(path: string): boolean {
  return /^nbds?(?:\+[a-z]+)?:\/\//i.test(path);
}

/**
 * Opens an export of an NBD server as a raw drive. What it is made of is the server's own affair, and
 * so are locks: nobody else may write it.
 * @throws USAGE: another format than raw; DEVICE_READ_ONLY, and as `connectNbd`
 */
export async function openNbdDrive(uri: string, options: OpenDriveOptions): Promise<Drive> {
  const { format = 'raw', access = 'read', onNotice } = options;
  if (format !== 'raw') {
    throw new TidemarkError('USAGE', `'${uri}' cannot be opened as ${format}: its size is fixed`, {
      where: uri,
      hint: 'let the server export the disk that is in the image, and use format=raw',
    });
  }
  // Most drives are files, and a client of NBD is much to load.
  const { connectNbd } = await import('@tidemark/nbd');
  const device = await connectNbd(uri, {
    reconnect: RECONNECT_MS,
    ...(onNotice && { onNotice }),
  });
  if (access === 'write' && !device.writable) {
    await device.close();
    throw new TidemarkError('DEVICE_READ_ONLY', `'${uri}' is exported for reading only`, {
      where: uri,
      hint: 'let the server export it for writing, or open it for reading',
    });
  }
  const { minimum } = device.blockSize;
  return {
    path: uri,
    format,
    access,
    device,
    file: device,
    isRemote: true,
    smallestBlock: minimum,
  };
}
