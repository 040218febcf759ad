import type { Geometry } from '../geometry.ts';

/**
 * What an L2 entry says of a guest cluster, or of a subcluster. `host` is the cluster's offset in the
 * image file.
 */
export type Mapping =
  /** With `host`: other parts of the cluster lie there. */
  | {
      readonly kind: 'unallocated';
      readonly host?: number | undefined;
      readonly exclusive?: boolean;
    }
  /** With `host`: a cluster is kept for it, which is not read. */
  | { readonly kind: 'zero'; readonly host: number | undefined; readonly exclusive: boolean }
  /** `exclusive`: nothing else refers to the cluster, so it may be written in place. */
  | { readonly kind: 'data'; readonly host: number; readonly exclusive: boolean }
  /** `length` is an upper bound, in bytes, of the compressed data. */
  | { readonly kind: 'compressed'; readonly host: number; readonly length: number };

export interface EntryRules {
  readonly geometry: Geometry;
  readonly version: number;
  /** Data lies in a data file, at the same offset as on the disk: 0 is an offset like others there. */
  readonly hasDataFile?: boolean;
}

const EXCLUSIVE_HIGH = 0x8000_0000;
const COMPRESSED_HIGH = 0x4000_0000;
const RESERVED_HIGH = 0x3f00_0000;
export const OFFSET_HIGH = 0x00ff_ffff;
const ZERO_LOW = 1;
const RESERVED_LOW = 0x1fe;
const OFFSET_LOW = 0xffff_fe00;
const COMPRESSED_SECTOR = 512;

/**
 * qcow2.rst, "L2 table entry", in halves, since this runs for each cluster that is looked up.
 * @returns a string that says what is wrong with a wrong one
 */
export function decodeL2Entry(high: number, low: number, rules: EntryRules): Mapping | string {
  if ((high & COMPRESSED_HIGH) !== 0) return decodeCompressed(high, low, rules.geometry);
  if ((high & RESERVED_HIGH) !== 0 || (low & RESERVED_LOW) !== 0) return 'has reserved bits set';
  const isZero = (low & ZERO_LOW) !== 0;
  if (isZero && rules.version < 3) return 'has the zero flag, which version 2 does not know';
  const host = (high & OFFSET_HIGH) * 2 ** 32 + ((low & OFFSET_LOW) >>> 0);
  if (host % rules.geometry.clusterSize !== 0) return `points to ${host}, not a cluster's start`;
  const isMarked = (high & EXCLUSIVE_HIGH) !== 0;
  const { hasDataFile = false } = rules;
  const hasPlace = host !== 0 || (hasDataFile && isMarked);
  const exclusive = isMarked || (hasDataFile && hasPlace);
  if (isZero) return { kind: 'zero', host: hasPlace ? host : undefined, exclusive };
  return hasPlace ? { kind: 'data', host, exclusive } : { kind: 'unallocated' };
}

/** Of a compressed cluster's entry: so many bits are the host offset. */
export function compressedOffsetBits({ clusterBits }: Geometry): number {
  return 62 - (clusterBits - 8);
}

/** qcow2.rst, "Compressed Clusters Descriptor". */
function decodeCompressed(high: number, low: number, geometry: Geometry): Mapping | string {
  if ((high & EXCLUSIVE_HIGH) !== 0) return 'is compressed, yet marked as writable in place';
  const descriptor = (BigInt(high & 0x3fff_ffff) << 32n) | BigInt(low >>> 0);
  const offsetBits = BigInt(compressedOffsetBits(geometry));
  const host = Number(descriptor & ((1n << offsetBits) - 1n));
  const sectors = Number(descriptor >> offsetBits) + 1;
  return { kind: 'compressed', host, length: sectors * COMPRESSED_SECTOR - (host % 512) };
}
