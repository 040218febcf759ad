export { defaultSidecarPath } from '@tidemark/store-sidecar';
export { createDrive, type CreateDriveOptions, createWholeDrive } from './create-drive.ts';
export { findDefaultSidecar } from './default-sidecar.ts';
export { openMemoryBitmaps } from './memory-bitmaps.ts';
export { openDriveBitmaps, type DriveBitmaps, type OpenBitmapsOptions } from './open-bitmaps.ts';
export { openRecordingDrive, type OpenRecordingDriveOptions } from './open-recording-drive.ts';
export {
  type Drive,
  type DriveAccess,
  type DriveFormat,
  openDrive,
  type OpenDriveOptions,
} from './open-drive.ts';
