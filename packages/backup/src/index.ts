export {
  backup,
  type BackupBitmap,
  type BackupOptions,
  type BackupProgress,
  type BackupResult,
  type BitmapSuccessor,
} from './backup.ts';
export {
  BackupDirectory,
  type DamagedPoint,
  type DirectoryOptions,
  openBackupDirectory,
  type RestorePoint,
  type SoundPoint,
} from './chain/backup-directory.ts';
export type { ChainLink } from './chain/chain.ts';
export type { FileSystem, OpenFile } from './files/file-system.ts';
export type { FileDigest } from './files/sequential-file.ts';
export type { GranuleRun } from './format/index-reader.ts';
export {
  type CopiedIncrement,
  copyIncrement,
  type CopyIncrementOptions,
} from './make/copy-increment.ts';
export type { ImageTarget } from './make/image-target.ts';
export { chainCheckpoint, type ChainOptions, followChain } from './make/follow-chain.ts';
export type { DriveIdentity, Manifest, PointReference, Totals } from './format/manifest.ts';
export type { PointKind } from './format/names.ts';
export { type BackupPlan, planBackup, type PlannedBitmap, type PlanOptions } from './make/plan.ts';
export { bitmapsToTrust, type OpenBitmapInfo, type WantedBitmap } from './use/bitmaps-to-trust.ts';
export {
  planRescan,
  type PlanRescanOptions,
  type PointDigests,
  pointDigests,
  type PointDigestsOptions,
} from './use/point-digests.ts';
export {
  restore,
  type RestoreOptions,
  type RestoreProgress,
  type RestoreResult,
} from './use/restore.ts';
export {
  type DamagedRange,
  verify,
  type VerifyOptions,
  type VerifyProblem,
  type VerifyReport,
} from './use/verify.ts';
