export { createDrive, type CreateDriveOptions } from './create-drive.ts';
export { openDriveBitmaps, type DriveBitmaps, type OpenBitmapsOptions } from './open-bitmaps.ts';
export { openDrive, type Drive, type DriveFormat, type OpenDriveOptions } from './open-drive.ts';
