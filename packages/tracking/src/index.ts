export type { BitmapAction, DriveAction, InstantAction, MergeSource } from './bitmap-action.ts';
export type { DriveBitmapInfo, DriveBitmapState } from './drive-bitmap.ts';
export type { TrackingErrorPolicy, TrackingTrouble } from './live/guarded-marks.ts';
export { type FreezeEnd, type FrozenBitmap, releaseTogether } from './freeze.ts';
export type { FrozenBits } from './frozen-bits.ts';
export { openTrackedDrive } from './open-tracked-drive.ts';
export {
  type PreparedDrive,
  prepareTrackedDrive,
  type TrackedDriveOptions,
} from './prepare-tracked-drive.ts';
export { forgetParked } from './parking/forget-parked.ts';
export { parkBitmaps } from './parking/park.ts';
export type { ParkedBitmaps } from './parking/parked-bitmaps.ts';
export { unparkBitmaps, type UnparkReport } from './parking/unpark.ts';
export { describeRecovery, type RecoveryInfo } from './recovery.ts';
export type { DigestRun, DigestSource } from './rescan/digest-source.ts';
export type { RescanOptions, RescanProgress, RunningRescan } from './rescan/rescan.ts';
export type { TrustedBitmap } from './rescan/trust.ts';
export { runTransaction } from './run-transaction.ts';
export type { BitmapSelection } from './selection.ts';
export { TrackedDevice, type TrackedDeviceOptions } from './tracked-device.ts';
export type { BitmapReader, TrackedDrive } from './tracked-drive.ts';
export { type WriteInFlight, WriteRecorder } from './write-recorder.ts';
