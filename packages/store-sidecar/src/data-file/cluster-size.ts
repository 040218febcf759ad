const KIB = 1024;
const LARGEST = 2048 * KIB;
const SMALLEST = 64 * KIB;

/**
 * Bytes of a cluster in a sidecar. For bitmaps alone 64 KiB. Where the drive is its data, the largest
 * that divides the drive: QEMU fills the last cluster up when it writes to one that was discarded,
 * and would make the drive longer by that.
 */
export function clusterSizeFor(diskSize: number, isDataFile: boolean): number {
  if (!isDataFile) return SMALLEST;
  for (let size = LARGEST; size >= SMALLEST; size /= 2) if (diskSize % size === 0) return size;
  return LARGEST;
}
