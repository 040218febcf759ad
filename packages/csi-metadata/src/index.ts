export { RepositorySnapshots } from './repository-snapshots.ts';
export {
  type CsiMetadataOptions,
  type CsiMetadataServer,
  serveCsiMetadata,
} from './serve-csi-metadata.ts';
export {
  SnapshotError,
  type SnapshotErrorCode,
  type SnapshotRange,
  type SnapshotRanges,
  type SnapshotSource,
} from './snapshot-source.ts';
