import type { Geometry } from '../geometry.ts';
import type { ImageHeader } from '../header/image-header.ts';
import { TABLE_ENTRY_SIZE } from '../geometry.ts';
import { type HostRange, RangeSet } from '../util/range-set.ts';
import type { Refcounts } from './refcounts.ts';

/** More clusters are not looked at: a look takes a fraction of a second up to here. */
const MAX_CLUSTERS = 2 ** 22;

export interface UnreferencedOptions {
  readonly header: ImageHeader;
  readonly geometry: Geometry;
  readonly refcounts: Refcounts;
  /** Bytes. */
  readonly fileSize: number;
  /** All that is in use besides the header and the tables that it points to. */
  readonly kept: readonly HostRange[];
}

/**
 * Clusters that are counted as in use and that nothing points to: those of a change that a crash cut
 * off. For images that hold no guest data, whose every reference is known. Host offsets.
 */
export async function unreferencedClusters(options: UnreferencedOptions): Promise<number[]> {
  const { header, geometry, refcounts, fileSize, kept } = options;
  const { clusterSize } = geometry;
  const end = Math.floor(fileSize / clusterSize);
  if (end > MAX_CLUSTERS) return [];
  const used = new RangeSet([
    { offset: 0, length: clusterSize },
    { offset: header.l1Offset, length: header.l1Entries * TABLE_ENTRY_SIZE },
    {
      offset: header.refcountTableOffset,
      length: header.refcountTableClusters * clusterSize,
    },
    ...Array.from(refcounts.blockOffsets(), (offset) => ({ offset, length: clusterSize })),
    ...kept,
  ]);
  const found: number[] = [];
  let cluster = await refcounts.nextUsed(0, end);
  while (cluster < end) {
    const offset = cluster * clusterSize;
    if (!used.touches({ offset, length: clusterSize })) found.push(offset);
    cluster = await refcounts.nextUsed(cluster + 1, end);
  }
  return found;
}
