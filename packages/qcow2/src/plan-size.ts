import { tableSizeFor } from './bitmaps/spec.ts';
import { planTables } from './data-file/write-tables.ts';
import { geometryOf, roundUp, SECTOR_SIZE, TABLE_ENTRY_SIZE } from './geometry.ts';

/** A bitmap that a planned image has. */
export interface PlannedBitmap {
  /** Bytes of disk to a bit. */
  readonly granularity: number;
  /** Each cluster of its bits holds some of both kinds: none is left out. Else all are clean. */
  readonly isFull: boolean;
}

/** An image whose size `planSize` tells. */
export interface PlannedImage {
  /** Bytes of the disk. */
  readonly size: number;
  /** Bytes. */
  readonly clusterSize: number;
  /** The disk is in a raw data file. */
  readonly hasDataFile: boolean;
  readonly bitmaps: readonly PlannedBitmap[];
}

const REFCOUNT_ORDER = 4;

/** Bytes in the directory for a bitmap of a long name. */
const ENTRY_SIZE = 256;

/**
 * Bytes at most of an image that holds bitmaps and no data, at rest. While a bitmap is
 * changed as a whole, its new bits lie beside its old ones.
 */
export function planSize({ size, clusterSize, hasDataFile, bitmaps }: PlannedImage): number {
  const diskSize = roundUp(size, SECTOR_SIZE);
  const clustersOf = (bytes: number) => Math.ceil(bytes / clusterSize);
  let clusters = 1 + clustersOf(bitmaps.length * ENTRY_SIZE);
  for (const { granularity, isFull } of bitmaps) {
    const entries = tableSizeFor(diskSize, granularity, clusterSize);
    clusters += clustersOf(entries * TABLE_ENTRY_SIZE) + (isFull ? entries : 0);
  }
  const geometry = geometryOf({
    clusterBits: Math.log2(clusterSize),
    refcountOrder: REFCOUNT_ORDER,
  });
  const used = { start: clusterSize, end: clusters * clusterSize };
  return planTables({ geometry, size: diskSize, isMapped: hasDataFile, used }).end;
}
