import { type Drive, type DriveBitmaps, openDriveBitmaps } from '@tidemark/drive';
import { type MemoryDisk, openMemoryStore } from '@tidemark/store-memory';
import { prepareTrackedDrive, type TrackedDrive } from '@tidemark/tracking';
import { UnownedDevice } from '../device/unowned-device.ts';
import type { NodeOptions } from './node-options.ts';
import type { OpenedDisk } from './opened-disk.ts';

export interface TrackDiskOptions {
  readonly disk: OpenedDisk;
  /** Of the node, for messages. */
  readonly name: string;
  readonly options: NodeOptions;
  /** Where bitmaps that end with the node are kept. */
  readonly transient: MemoryDisk;
  /** Makes the sidecar of a raw drive where there is none. Default false. */
  readonly createSidecar?: boolean;
  /** See `openDriveBitmaps`. */
  readonly checkpoints: string | undefined;
  readonly onNotice: (message: string) => void;
}

/** A disk that records. */
export interface DiskTracking {
  readonly drive: TrackedDrive;
  /** Whether bitmaps can outlive it. */
  readonly hasStore: boolean;
  /** Of a raw drive's sidecar, whether it is there or not. */
  readonly sidecarPath: string | undefined;
}

/**
 * Lets a disk record what is written to it, in every bitmap that goes with it. The disk stays the
 * caller's: closing the drive that this returns leaves it open, and stores the bitmaps.
 * @throws as `openDriveBitmaps` and `prepareTrackedDrive`: nothing was changed
 */
export async function trackDisk(options: TrackDiskOptions): Promise<DiskTracking> {
  const { disk, name, transient, onNotice } = options;
  const own = await openOwnBitmaps(options);
  try {
    const prepared = await prepareTrackedDrive({
      device: new UnownedDevice(disk.device),
      label: name,
      stores: own?.store === undefined ? [] : [own.store],
      transient: await openMemoryStore(transient),
      writable: disk.writable,
      onWarning: onNotice,
      ...policiesOf(options.options),
      ...(disk.image && { clusterSize: disk.image.info.clusterSize }),
    });
    const drive = await prepared.begin();
    return { drive, hasStore: own?.store !== undefined, sidecarPath: own?.sidecarPath };
  } catch (error) {
    await own?.undo();
    throw error;
  }
}

function policiesOf(options: NodeOptions) {
  const tracking = 'x-tidemark-durability' in options ? options : undefined;
  const durability = tracking?.['x-tidemark-durability'] ?? 'live';
  const bounded = 'x-tidemark-tracking-bound' in options ? options : undefined;
  const maxOpen = bounded?.['x-tidemark-tracking-bound'];
  const handled = 'x-tidemark-on-tracking-error' in options ? options : undefined;
  const onTrackingError = handled?.['x-tidemark-on-tracking-error'] ?? 'stop';
  return { durability, onTrackingError, ...(maxOpen !== undefined && { marks: { maxOpen } }) };
}

/** Those in the image, or beside the raw file. */
async function openOwnBitmaps({
  disk,
  createSidecar = false,
  checkpoints,
  onNotice,
}: TrackDiskOptions): Promise<DriveBitmaps | undefined> {
  const { image, isLocal } = disk;
  if (image === undefined && !isLocal) return undefined;
  return openDriveBitmaps(driveOf(disk), {
    create: createSidecar,
    onNotice,
    ...(checkpoints !== undefined && isLocal && { checkpoints }),
  });
}

function driveOf({ filename, device, file, isLocal, image, smallestBlock, writable }: OpenedDisk) {
  const drive: Drive = {
    path: filename,
    format: image === undefined ? 'raw' : 'qcow2',
    access: writable ? 'write' : 'read',
    device,
    file,
    isRemote: !isLocal,
    smallestBlock,
    ...(image && { image }),
  };
  return drive;
}
