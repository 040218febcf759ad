import { openFileDevice } from '@tidemark/block';
import { createQcow2 } from '@tidemark/qcow2';
import { type Drive, type DriveFormat, openDrive } from './open-drive.ts';

export interface CreateDriveOptions {
  readonly format: DriveFormat;
  /** Bytes. */
  readonly size: number;
  /** Bytes; qcow2 only. */
  readonly clusterSize?: number;
}

/** Makes a new, empty disk and opens it for writing. @throws FILE_EXISTS, NO_SPACE, PERMISSION_DENIED */
export async function createDrive(
  path: string,
  { format, size, clusterSize }: CreateDriveOptions,
): Promise<Drive> {
  const file = await openFileDevice(path, { writable: true, create: 'exclusive', lock: false });
  try {
    if (format === 'raw') await file.resize(size);
    else await createQcow2(file, { size, ...(clusterSize !== undefined && { clusterSize }) });
  } finally {
    await file.close();
  }
  return openDrive(path, { format, access: 'write' });
}
