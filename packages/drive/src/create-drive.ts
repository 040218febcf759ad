import { rm } from 'node:fs/promises';
import { openFileDevice } from '@tidemark/block';
import { createQcow2 } from '@tidemark/qcow2';
import { type Drive, type DriveFormat, openDrive } from './open-drive.ts';
import { makeWhole } from './whole-file.ts';

/** Of `createDrive`. */
export interface CreateDriveOptions {
  readonly format: DriveFormat;
  /** Bytes. */
  readonly size: number;
  /** Bytes; qcow2 only. */
  readonly clusterSize?: number;
  /** See `OpenDriveOptions`. */
  readonly waits?: boolean;
}

/** Makes a new, empty disk and opens it for writing. @throws FILE_EXISTS, NO_SPACE, PERMISSION_DENIED */
export async function createDrive(path: string, options: CreateDriveOptions): Promise<Drive> {
  const { format, size, clusterSize, waits = false } = options;
  const file = await openFileDevice(path, { writable: true, create: 'exclusive', lock: false });
  try {
    if (format === 'raw') await file.resize(size);
    else await createQcow2(file, { size, ...(clusterSize !== undefined && { clusterSize }) });
    await file.close();
    return await openDrive(path, { format, access: 'write', waits });
  } catch (error) {
    await file.close().catch(() => {});
    // Ours, since it was not there before.
    await rm(path, { force: true });
    throw error;
  }
}

/**
 * Makes a new disk and lets `fill` write it. It appears under its name when it is whole and
 * durable; when anything fails before, nothing is left. @throws as `createDrive`, and what `fill` throws
 */
export async function createWholeDrive<T>(
  path: string,
  options: CreateDriveOptions,
  fill: (drive: Drive) => Promise<T>,
): Promise<T> {
  return makeWhole(path, async (temporary) => {
    const drive = await createDrive(temporary, options);
    try {
      return await fill(drive);
    } finally {
      // Flushes what was written.
      await drive.device.close();
    }
  });
}
