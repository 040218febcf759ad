/** How an image cuts its bytes. Fixed while it is open. */
export interface Geometry {
  readonly clusterBits: number;
  /** Bytes. */
  readonly clusterSize: number;
  /** Entries of an L2 table, which fills one cluster. */
  readonly l2Entries: number;
  /** Bytes of the disk that one L2 table maps. */
  readonly l2Coverage: number;
  /** Width of a refcount: 1, 2, 4, ... 64. */
  readonly refcountBits: number;
  /** Entries of a refcount block, which fills one cluster. */
  readonly refcountsPerBlock: number;
}

/** Bytes of an entry in an L1, L2 or refcount table. */
export const TABLE_ENTRY_SIZE = 8;

/** qcow2.rst: sizes are counted in sectors of 512 bytes, whatever the device has. */
export const SECTOR_SIZE = 512;

export function geometryOf(clusterBits: number, refcountOrder: number): Geometry {
  const clusterSize = 2 ** clusterBits;
  const l2Entries = clusterSize / TABLE_ENTRY_SIZE;
  const refcountBits = 2 ** refcountOrder;
  return {
    clusterBits,
    clusterSize,
    l2Entries,
    l2Coverage: l2Entries * clusterSize,
    refcountBits,
    refcountsPerBlock: (clusterSize * 8) / refcountBits,
  };
}

export function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/** L1 entries that a disk of `size` bytes needs; never none, so that the table has a place. */
export function l1EntriesFor(size: number, geometry: Geometry): number {
  return Math.max(1, Math.ceil(size / geometry.l2Coverage));
}
