export { resolveBackingName } from './backing-chain.ts';
export { readChainBitmap } from './chain-bitmap.ts';
export { isNbdUri } from './open-nbd-drive.ts';
export {
  defaultSidecarPath,
  planSidecar,
  type SidecarKind,
  type SidecarPlan,
} from '@tidemark/store-sidecar';
export { createDrive, type CreateDriveOptions, createWholeDrive } from './create-drive.ts';
export { createWholeImage } from './create-whole-image.ts';
export {
  adoptDriveSidecar,
  convertDriveSidecar,
  lendDriveSidecar,
  type LentSidecar,
} from './sidecar/change.ts';
export {
  createDriveSidecar,
  type CreateDriveSidecarOptions,
  type SidecarReport,
} from './sidecar/create.ts';
export { describeDriveSidecar, type SidecarDescription } from './sidecar/describe.ts';
export { moveDriveSidecar, type MovedSidecar, type MoveSidecarOptions } from './sidecar/move.ts';
export { resizeDriveSidecar, type ResizedDrive } from './sidecar/resize.ts';
export type { SidecarOptions } from './sidecar/with-sidecar.ts';
export {
  type CarriedBitmap,
  exportBitmaps,
  type ExportBitmapsOptions,
  writeBitmapFile,
} from './bitmap-file/export-bitmaps.ts';
export {
  importBitmaps,
  type ImportBitmapsOptions,
  type ImportReport,
  readBitmapFile,
} from './bitmap-file/import-bitmaps.ts';
export { originOf, type OriginVerdict } from './bitmap-file/origin.ts';
export { findDefaultSidecar } from './default-sidecar.ts';
export { openMemoryBitmaps } from './memory-bitmaps.ts';
export { openDriveBitmaps, type DriveBitmaps, type OpenBitmapsOptions } from './open-bitmaps.ts';
export { openImage, type OpenImageOptions } from './open-image.ts';
export {
  openDriveAndBitmaps,
  openRecordingDrive,
  type OpenRecordingDriveOptions,
  type RecordingDrive,
} from './open-recording-drive.ts';
export { ProbedRawDevice } from './probed-raw-device.ts';
export { resizeDrive, type ResizeDriveOptions } from './resize-drive.ts';
export {
  type Drive,
  type DriveAccess,
  type DriveFormat,
  openDrive,
  type OpenDriveOptions,
} from './open-drive.ts';
export { unusableBitmap } from './unusable-bitmap.ts';
export { isWrittenByOthers } from './written-by-others.ts';
