import { realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { SidecarDataFile } from '@tidemark/store-sidecar';
import { fileIdentity } from '../file-identity.ts';

/**
 * What a sidecar is to call its drive: absolute, since QEMU takes another name relative to the folder
 * that it runs in. All symbolic links lead to the same one, but for block devices, whose own names the
 * kernel changes.
 */
export async function dataFileName(drivePath: string, kind: 'file' | 'device'): Promise<string> {
  return kind === 'file' ? realpath(drivePath) : resolve(drivePath);
}

/** Whether a sidecar has this drive for its data. A relative name counts from the sidecar's folder. */
export async function namesDrive(
  { name }: SidecarDataFile,
  sidecarPath: string,
  drivePath: string,
): Promise<boolean> {
  if (name === undefined) return false;
  const path = resolve(dirname(sidecarPath), name.replace(/^file:/, ''));
  // Where there is nothing under the name, it is not this drive.
  const [named, drive] = await Promise.all([fileIdentity(path), fileIdentity(drivePath)]);
  return named !== undefined && named === drive;
}
