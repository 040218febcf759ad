import { tooLargeToMeasure } from './measure-failures.ts';

export interface Geometry {
  /** Bytes. */
  readonly clusterSize: number;
  readonly refcountBits: number;
  readonly extendedL2: boolean;
}

const MAX_L1_BYTES = 32 * 1024 * 1024;

/**
 * Bytes of a qcow2 image that holds a disk of `size` bytes, all of it allocated and its bitmaps left
 * out, as qemu-img measures it: header, L1 and L2 tables, data, and refcounts of all that.
 * @throws USAGE: it would not fit
 */
export function fullQcow2Size(size: number, geometry: Geometry): number {
  const { clusterSize, refcountBits, extendedL2 } = geometry;
  const entryBytes = extendedL2 ? 16 : 8;
  const perL2 = clusterSize / entryBytes;
  const disk = up(size, clusterSize);
  const l2Tables = Math.ceil(disk / clusterSize / perL2);
  const l1Bytes = l2Tables * 8;
  if (l1Bytes > MAX_L1_BYTES) throw tooLargeToMeasure();
  const tables = up(l2Tables * perL2 * entryBytes, clusterSize) + up(l1Bytes, clusterSize);
  const counted = disk + clusterSize + tables;
  return counted + refcountBytes(counted / clusterSize, clusterSize, refcountBits);
}

function up(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/** They count themselves too. */
function refcountBytes(clusters: number, clusterSize: number, refcountBits: number): number {
  const perBlock = (clusterSize * 8) / refcountBits;
  const perTable = clusterSize / 8;
  for (let [blocks, table] = [0, 0]; ;) {
    const total = clusters + blocks + table;
    const nextBlocks = Math.ceil(total / perBlock);
    const nextTable = Math.ceil(nextBlocks / perTable);
    if (nextBlocks === blocks && nextTable === table) return (blocks + table) * clusterSize;
    [blocks, table] = [nextBlocks, nextTable];
  }
}
