import { type BitmapStore, TidemarkError } from '@tidemark/core';
import { openTrackedDrive, type TrackedDrive, type TrackingErrorPolicy } from '@tidemark/tracking';
import { findDefaultSidecar } from './default-sidecar.ts';
import { fileIdentity } from './file-identity.ts';
import { type DriveBitmaps, openDriveBitmaps } from './open-bitmaps.ts';
import { type Drive, type DriveFormat, openDrive } from './open-drive.ts';

/** How `openRecordingDrive` opens a drive whose writes its bitmaps record. */
export interface OpenRecordingDriveOptions {
  /** Default `write`. With `read` nothing is written, and bitmaps can only be read. */
  readonly access?: 'read' | 'write';
  readonly format?: DriveFormat;
  /** A sidecar besides the default one. */
  readonly sidecar?: string;
  /** Makes the sidecar of a raw drive when it is missing. Default false. */
  readonly create?: boolean;
  /** Of the bitmaps; see `openTrackedDrive`. Default `live`. */
  readonly durability?: 'live' | 'close';
  /** Bytes of the drive that live bitmaps may call dirty beyond what was written. Default 32 GiB. */
  readonly trackingBound?: number;
  /**
   * What becomes of a write that cannot be marked. Default `report`: whoever runs a command wants to
   * know, and can run it again.
   */
  readonly onTrackingError?: TrackingErrorPolicy;
  /** See `openDriveBitmaps`. */
  readonly checkpoints?: string;
  /** Hears of bitmaps that cannot record, and what else a user should know. */
  readonly onNotice?: (message: string) => void;
}

/** A drive, and what of it records. Closing `tracked` closes both. */
export interface RecordingDrive {
  readonly drive: Drive;
  readonly tracked: TrackedDrive;
}

/** As `openDriveAndBitmaps`, for who needs no more than what records. */
export async function openRecordingDrive(
  path: string,
  options: OpenRecordingDriveOptions = {},
): Promise<TrackedDrive> {
  return (await openDriveAndBitmaps(path, options)).tracked;
}

/**
 * Opens a drive to be written, with every bitmap that goes with it: those in its image, in its
 * default sidecar and in the one that is named. All enabled ones record. Closing it stores them.
 * @throws as `openDrive`, `openDriveBitmaps` and `openTrackedDrive`: BITMAP_UNSUPPORTED where an
 *   enabled bitmap cannot record
 */
export async function openDriveAndBitmaps(
  path: string,
  options: OpenRecordingDriveOptions = {},
): Promise<RecordingDrive> {
  const { access = 'write', onTrackingError = 'report' } = options;
  const { format, checkpoints, onNotice, durability = 'live', create = false } = options;
  const { trackingBound } = options;
  const notices = onNotice && { onNotice };
  const drive = await openDrive(path, { access, ...(format && { format }), ...notices });
  const opened: DriveBitmaps[] = [];
  try {
    for (const named of await sidecarsOf(drive, options)) {
      // The named one, where there are two.
      const makes = create && named === options.sidecar;
      const place = {
        create: makes,
        ...(named && { sidecar: named }),
        ...(checkpoints && { checkpoints }),
      };
      opened.push(await openDriveBitmaps(drive, { ...place, ...notices }));
    }
    const tracked = await openTrackedDrive({
      device: drive.device,
      label: path,
      stores: opened.flatMap(({ store }): readonly BitmapStore[] => (store ? [store] : [])),
      writable: access === 'write',
      durability,
      ...(trackingBound !== undefined && { marks: { maxOpen: trackingBound } }),
      onTrackingError,
      ...(onNotice && { onWarning: onNotice }),
      ...(drive.image && { clusterSize: drive.image.info.clusterSize }),
    });
    return { drive, tracked };
  } catch (error) {
    for (const bitmaps of opened) await bitmaps.undo();
    await drive.device.close();
    throw error;
  }
}

/** The default one first. Undefined stands for it, and for the image of a qcow2 drive. */
async function sidecarsOf(
  { path, image, isRemote }: Drive,
  { sidecar: named, create = false }: OpenRecordingDriveOptions,
): Promise<readonly (string | undefined)[]> {
  if (named === undefined || image !== undefined) return [named];
  const wanted = await fileIdentity(named);
  if (wanted === undefined && !create) {
    throw new TidemarkError('FILE_NOT_FOUND', `there is no sidecar '${named}'`, {
      where: named,
      hint: 'check the path, or leave it out to use the default beside the drive',
    });
  }
  if (isRemote) return [named];
  const usual = await fileIdentity(await findDefaultSidecar(path));
  return wanted === usual ? [named] : [undefined, named];
}
