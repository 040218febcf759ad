export {
  type CopiedPoint,
  copyPoints,
  type CopyPointsOptions,
  type CopyProgress,
} from './copy/copy-points.ts';
export type { Secret } from './crypt/secret.ts';
export type { Compression, Encryption, RepositoryConfig } from './format/config.ts';
export type { PointBitmap, PointKind, PointManifest, PointTotals } from './format/manifest.ts';
export type { Root, RootDrive, RootPoint } from './format/root.ts';
export { type BackedUpDrive, backUpDrives, type RepositoryBackupOptions } from './make/back-up.ts';
export type { DriveSource, DriveToBackUp, EarlierTry, Resumable } from './make/drive-to-back-up.ts';
export type { RepositoryBackupProgress } from './make/meter.ts';
export { planPoint, type RepositoryPlan, type RepositoryPlanOptions } from './make/plan.ts';
export { RateLimit } from './make/rate-limit.ts';
export {
  allPoints,
  choosePoint,
  chooseDrives,
  type NamedPoint,
  type OpenPoint,
  openPoint,
  type PointChoice,
} from './points.ts';
export {
  createRepository,
  type CreateRepositoryOptions,
  isRepository,
  openRepository,
  type OpenRepositoryOptions,
  type Repository,
} from './repository.ts';
export {
  type CheckOptions,
  type CheckProblem,
  type CheckReport,
  checkRepository,
} from './upkeep/check.ts';
export {
  applyPolicy,
  forgetPoints,
  type KeepPolicy,
  type KeptPoint,
  type Retention,
} from './upkeep/forget.ts';
export { prune, type PruneOptions, type PruneReport } from './upkeep/prune.ts';
export { rebuildIndex, type RebuiltIndex } from './upkeep/rebuild-index.ts';
export { type Difference, differences, type DifferencesOptions } from './use/differences.ts';
export {
  type DamagedPoint,
  digestsForBitmap,
  type RepositoryDigests,
  type RepositoryDigestsOptions,
} from './use/point-digests.ts';
export { planRepositoryRescan, type RepositoryRescanOptions } from './use/plan-rescan.ts';
export { openPointDevice, type PointDevice } from './use/point-device.ts';
export { type ByteRangeOfDrive, restorePoint, type RestorePointOptions } from './use/restore.ts';
export { trustedFor, type TrustedForRescan } from './use/trusted-bitmap.ts';
export {
  verifyAgainst,
  type VerifiedAgainst,
  type VerifyAgainstOptions,
} from './use/verify-against.ts';
