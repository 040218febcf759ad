import { type BitmapStore, TidemarkError } from '@tidemark/core';
import { openTrackedDrive, type TrackedDrive } from '@tidemark/tracking';
import { findDefaultSidecar } from './default-sidecar.ts';
import { fileIdentity } from './file-identity.ts';
import { type DriveBitmaps, openDriveBitmaps } from './open-bitmaps.ts';
import { type Drive, type DriveFormat, openDrive } from './open-drive.ts';

export interface OpenRecordingDriveOptions {
  readonly format?: DriveFormat;
  /** A sidecar besides the default one. */
  readonly sidecar?: string;
  /** Makes the sidecar of a raw drive when it is missing. Default false. */
  readonly create?: boolean;
  /** Of the bitmaps; see `openTrackedDrive`. Default `live`. */
  readonly durability?: 'live' | 'close';
  /** Bytes of the drive that live bitmaps may call dirty beyond what was written. Default 32 GiB. */
  readonly trackingBound?: number;
  /** See `openDriveBitmaps`. */
  readonly checkpoints?: string;
  /** Hears of bitmaps that cannot record, and what else a user should know. */
  readonly onNotice?: (message: string) => void;
}

/**
 * Opens a drive to be written, with every bitmap that goes with it: those in its image, in its
 * default sidecar and in the one that is named. All enabled ones record. Closing it stores them.
 * @throws as `openDrive`, `openDriveBitmaps` and `openTrackedDrive`: BITMAP_UNSUPPORTED where an
 *   enabled bitmap cannot record
 */
export async function openRecordingDrive(
  path: string,
  options: OpenRecordingDriveOptions = {},
): Promise<TrackedDrive> {
  const { format, checkpoints, onNotice, durability = 'live', create = false } = options;
  const { trackingBound } = options;
  const notices = onNotice && { onNotice };
  const drive = await openDrive(path, { access: 'write', ...(format && { format }), ...notices });
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
    return await openTrackedDrive({
      device: drive.device,
      label: path,
      stores: opened.flatMap(({ store }): readonly BitmapStore[] => (store ? [store] : [])),
      writable: true,
      durability,
      ...(trackingBound !== undefined && { marks: { maxOpen: trackingBound } }),
      // Whoever runs a command wants to know, and can run it again.
      onTrackingError: 'report',
      ...(onNotice && { onWarning: onNotice }),
      ...(drive.image && { clusterSize: drive.image.info.clusterSize }),
    });
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
