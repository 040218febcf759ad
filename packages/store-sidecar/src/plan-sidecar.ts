import { planSize } from '@tidemark/qcow2';
import { clusterSizeFor } from './data-file/cluster-size.ts';

/** Holds bitmaps alone, or is an image as well that QEMU can run on, whose data is the drive. */
export type SidecarKind = 'plain' | 'data-file';

/** A sidecar whose size `planSidecar` tells. */
export interface PlannedSidecar {
  /** Bytes of the drive. */
  readonly diskSize: number;
  readonly kind: SidecarKind;
  /** Bytes of disk to a bit, for each bitmap. */
  readonly granularities: readonly number[];
}

/** What `planSidecar` says of a sidecar. */
export interface SidecarPlan {
  /** Bytes. */
  readonly clusterSize: number;
  /** Bytes of the file at most, at rest, while all bitmaps are clean. */
  readonly empty: number;
  /** The same where each bitmap has clean and dirty granules everywhere. */
  readonly full: number;
}

/** How large a sidecar gets. */
export function planSidecar({ diskSize, kind, granularities }: PlannedSidecar): SidecarPlan {
  const hasDataFile = kind === 'data-file';
  const clusterSize = clusterSizeFor(diskSize, hasDataFile);
  const sizeOf = (isFull: boolean) => {
    const bitmaps = granularities.map((granularity) => ({ granularity, isFull }));
    return planSize({ size: diskSize, clusterSize, hasDataFile, bitmaps });
  };
  return { clusterSize, empty: sizeOf(false), full: sizeOf(true) };
}
