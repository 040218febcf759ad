/** How an image cuts its bytes. Fixed while it is open. */
export interface Geometry {
  readonly clusterBits: number;
  /** Bytes. */
  readonly clusterSize: number;
  /** Parts of a cluster that an L2 entry maps on their own: 32 where entries are extended, else 1. */
  readonly subclusters: number;
  /** Bytes. */
  readonly subclusterSize: number;
  /** Bytes. */
  readonly l2EntrySize: number;
  /** Entries of an L2 table, which fills one cluster. */
  readonly l2Entries: number;
  /** Bytes of the disk that one L2 table maps. */
  readonly l2Coverage: number;
  /** Width of a refcount: 1, 2, 4, ... 64. */
  readonly refcountBits: number;
  /** Entries of a refcount block, which fills one cluster. */
  readonly refcountsPerBlock: number;
}

/** Bytes of an entry in an L1 or refcount table, and in an L2 table that is not extended. */
export const TABLE_ENTRY_SIZE = 8;

/** qcow2.rst: sizes are counted in sectors of 512 bytes, whatever the device has. */
export const SECTOR_SIZE = 512;

/** qcow2.rst, "Extended L2 Entries". */
const EXTENDED = { subclusters: 32, l2EntrySize: 16 };
const STANDARD = { subclusters: 1, l2EntrySize: TABLE_ENTRY_SIZE };

export interface GeometryOptions {
  readonly clusterBits: number;
  readonly refcountOrder: number;
  readonly extendedL2?: boolean;
}

export function geometryOf(options: GeometryOptions): Geometry {
  const { clusterBits, refcountOrder, extendedL2 = false } = options;
  const clusterSize = 2 ** clusterBits;
  const { subclusters, l2EntrySize } = extendedL2 ? EXTENDED : STANDARD;
  const l2Entries = clusterSize / l2EntrySize;
  const refcountBits = 2 ** refcountOrder;
  return {
    clusterBits,
    clusterSize,
    subclusters,
    subclusterSize: clusterSize / subclusters,
    l2EntrySize,
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
