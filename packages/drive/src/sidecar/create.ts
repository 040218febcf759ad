import { stat } from 'node:fs/promises';
import { openFileDevice } from '@tidemark/block';
import { bindSidecar, createSidecar, type SidecarKind } from '@tidemark/store-sidecar';
import { makeWhole } from '../whole-file.ts';
import { dataFileName } from './data-file-path.ts';
import { type DriveAndSidecar, type SidecarOptions, withRawDrive } from './with-sidecar.ts';

/** Of `createDriveSidecar`. */
export interface CreateDriveSidecarOptions extends SidecarOptions {
  /** Default `plain`. */
  readonly kind?: SidecarKind;
}

/** The sidecar that was made or converted. */
export interface SidecarReport {
  readonly drive: string;
  readonly sidecar: string;
  readonly kind: SidecarKind;
  /** Bytes of the drive. */
  readonly diskSize: number;
  /** Bytes of the sidecar. */
  readonly size: number;
}

/**
 * Makes an empty sidecar beside a raw drive, bound to it as it is now. The drive is not touched; the
 * sidecar appears under its name whole and durable, or not at all.
 * @throws FILE_EXISTS, OUT_OF_RANGE (a drive that QEMU cannot run on), USAGE (a qcow2 drive), I/O codes
 */
export async function createDriveSidecar(
  path: string,
  options: CreateDriveSidecarOptions = {},
): Promise<SidecarReport> {
  const { kind = 'plain' } = options;
  return withRawDrive(path, options, async (found) => {
    const { drive, sidecarPath } = found;
    const name = await dataFileNameOf(found);
    const diskSize = drive.device.size;
    await makeWhole(sidecarPath, async (temporary) => {
      const create = { writable: true, create: 'exclusive', lock: false } as const;
      await using device = await openFileDevice(temporary, create);
      await createSidecar(device, {
        diskSize,
        ...(kind === 'data-file' && { dataFile: { name } }),
      });
      await bindSidecar({ drive: drive.file, sidecar: device, sidecarPath });
    });
    const { size } = await stat(sidecarPath);
    return { drive: path, sidecar: sidecarPath, kind, diskSize, size };
  });
}

/** See `dataFileName`. */
export async function dataFileNameOf({ drive }: Pick<DriveAndSidecar, 'drive'>): Promise<string> {
  const isFile = (await stat(drive.path)).isFile();
  return dataFileName(drive.path, isFile ? 'file' : 'device');
}
