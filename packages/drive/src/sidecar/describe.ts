import { resolve } from 'node:path';
import { stat } from 'node:fs/promises';
import { openFileDevice } from '@tidemark/block';
import { readDataFile, type SidecarKind } from '@tidemark/store-sidecar';
import { dataFileNameOf } from './create.ts';
import { namesDrive } from './data-file-path.ts';
import { type SidecarOptions, withRawDrive } from './with-sidecar.ts';

/** What `describeDriveSidecar` says of a drive's sidecar. */
export interface SidecarDescription {
  /** Absolute. */
  readonly drive: string;
  readonly driveKind: 'file' | 'block';
  /** Absolute. */
  readonly sidecar: string;
  readonly kind: SidecarKind;
  /** Whether the sidecar itself says that this drive is its data. True for bitmaps alone. */
  readonly namesDrive: boolean;
}

/** What a drive and its sidecar are to QEMU. Looks without a lock. @throws as `withRawDrive` */
export async function describeDriveSidecar(
  path: string,
  options: SidecarOptions = {},
): Promise<SidecarDescription> {
  return withRawDrive(path, { ...options, lock: false }, async ({ drive, sidecarPath }) => {
    await using file = await openFileDevice(sidecarPath, { lock: false });
    const dataFile = await readDataFile(file);
    const isFile = (await stat(path)).isFile();
    return {
      drive: await dataFileNameOf({ drive }),
      driveKind: isFile ? 'file' : 'block',
      sidecar: resolve(sidecarPath),
      kind: dataFile === undefined ? 'plain' : 'data-file',
      namesDrive: dataFile === undefined || (await namesDrive(dataFile, sidecarPath, path)),
    };
  });
}
