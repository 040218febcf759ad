import { stat, realpath } from 'node:fs/promises';
import { fromSystemError } from '@tidemark/block';
import { defaultSidecarPath } from '@tidemark/store-sidecar';

/**
 * Where a raw drive's sidecar is when none is named. All symbolic links to a file lead to the same
 * one: bitmaps found under one name must not miss what is written under another. A block device
 * is taken as it is called, since the kernel's own names for devices change. @throws I/O codes
 */
export async function findDefaultSidecar(drivePath: string): Promise<string> {
  try {
    const isFile = (await stat(drivePath)).isFile();
    return defaultSidecarPath(isFile ? await realpath(drivePath) : drivePath);
  } catch (error) {
    throw fromSystemError(error, drivePath);
  }
}
