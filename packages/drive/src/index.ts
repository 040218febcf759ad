export { defaultSidecarPath } from '@tidemark/store-sidecar';
export { createDrive, type CreateDriveOptions } from './create-drive.ts';
export { openMemoryBitmaps } from './memory-bitmaps.ts';
export { openDriveBitmaps, type DriveBitmaps, type OpenBitmapsOptions } from './open-bitmaps.ts';
export {
  type Drive,
  type DriveAccess,
  type DriveFormat,
  openDrive,
  type OpenDriveOptions,
} from './open-drive.ts';
