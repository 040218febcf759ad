import { type Geometry, roundUp, SECTOR_SIZE } from '../geometry.ts';
import {
  compressedOffsetBits,
  decodeL2Entry,
  type EntryRules,
  type Mapping,
  OFFSET_HIGH,
} from './l2-entry.ts';

/**
 * What an L2 entry says of a cluster, part by part: bit i is subcluster i (qcow2.rst, "Extended L2
 * Entries"). Where entries are not extended, the cluster is one part, bit 0. A part with neither bit
 * is unallocated.
 */
export interface ClusterEntry {
  readonly kind: 'cluster';
  /** Host offset of the cluster; undefined: none is kept for it, and no part is data. */
  readonly host: number | undefined;
  /** Nothing else refers to the host cluster. */
  readonly exclusive: boolean;
  readonly data: number;
  readonly zero: number;
}

export type CompressedEntry = Extract<Mapping, { kind: 'compressed' }>;
export type L2Entry = ClusterEntry | CompressedEntry;

export const EMPTY_ENTRY: ClusterEntry = {
  kind: 'cluster',
  host: undefined,
  exclusive: false,
  data: 0,
  zero: 0,
};

const EXCLUSIVE_HIGH = 0x8000_0000;
const ZERO_LOW = 1;
const COMPRESSED = 1n << 62n;

/** @returns a string that says what is wrong with a wrong one */
export function readEntry(view: DataView, at: number, rules: EntryRules): L2Entry | string {
  const { geometry } = rules;
  const [high, low] = [view.getUint32(at), view.getUint32(at + 4)];
  const found = decodeL2Entry(high, low, rules);
  if (typeof found === 'string' || found.kind === 'compressed') return found;
  const { host, exclusive = false } = found;
  if (geometry.subclusters === 1) {
    const [data, zero] = [found.kind === 'data' ? 1 : 0, found.kind === 'zero' ? 1 : 0];
    return { kind: 'cluster', host, exclusive, data, zero };
  }
  if (found.kind === 'zero') return 'has reserved bits set';
  const [zero, data] = [view.getUint32(at + 8), view.getUint32(at + 12)];
  if ((zero & data) !== 0) return 'has subclusters that are both data and zeros';
  if (host === undefined && data !== 0) return 'has subclusters of data, and no cluster for them';
  return { kind: 'cluster', host, exclusive, data, zero };
}

/** What is at one of its parts. */
export function partOf(entry: L2Entry, part: number): Mapping {
  if (entry.kind === 'compressed') return entry;
  const { host, exclusive } = entry;
  if (((entry.data >>> part) & 1) === 1) return { kind: 'data', host: host!, exclusive };
  const kind = ((entry.zero >>> part) & 1) === 1 ? 'zero' : 'unallocated';
  return { kind, host, exclusive };
}

/** How many parts, from this one on, are of one kind. */
export function partsAlike(entry: L2Entry, part: number, geometry: Geometry): number {
  const { subclusters } = geometry;
  if (entry.kind === 'compressed') return subclusters - part;
  const isSame = (bits: number) => {
    const rest = bits >>> part;
    return (rest & 1) === 1 ? ~rest : rest;
  };
  const changes = isSame(entry.data) | isSame(entry.zero);
  if (changes === 0) return subclusters - part;
  const length = 31 - Math.clz32(changes & -changes);
  return Math.min(length, subclusters - part);
}

/** The parts that a range of the cluster touches, from byte `from` to `to`, which may lie behind it. */
export function partsTouched(from: number, to: number, geometry: Geometry): number {
  const { subclusterSize, subclusters } = geometry;
  const first = Math.floor(from / subclusterSize);
  const end = Math.min(subclusters, Math.ceil(to / subclusterSize));
  return ((2 ** end - 1) & ~(2 ** first - 1)) >>> 0;
}

export function allParts({ subclusters }: Geometry): number {
  return 2 ** subclusters - 1;
}

/** Of compressed data; undefined: it lies too far behind for an entry to say so. */
export function compressedEntry(
  host: number,
  length: number,
  geometry: Geometry,
): CompressedEntry | undefined {
  if (host + length > 2 ** compressedOffsetBits(geometry)) return undefined;
  const end = roundUp(host + length, SECTOR_SIZE);
  return { kind: 'compressed', host, length: end - host };
}

export function writeEntry(view: DataView, at: number, entry: L2Entry, geometry: Geometry): void {
  if (entry.kind === 'compressed') return writeCompressed(view, at, entry, geometry);
  const { subclusters } = geometry;
  const { host = 0, exclusive, data, zero } = entry;
  const isOwn = exclusive && entry.host !== undefined;
  const high = Math.floor(host / 2 ** 32) & OFFSET_HIGH;
  view.setUint32(at, ((isOwn ? EXCLUSIVE_HIGH : 0) | high) >>> 0);
  const low = host % 2 ** 32;
  if (subclusters === 1) return view.setUint32(at + 4, low + (zero === 0 ? 0 : ZERO_LOW));
  view.setUint32(at + 4, low);
  view.setUint32(at + 8, zero);
  view.setUint32(at + 12, data);
}

/** qcow2.rst, "Compressed Clusters Descriptor": an offset in bytes, and how many sectors follow its own. */
function writeCompressed(
  view: DataView,
  at: number,
  { host, length }: CompressedEntry,
  geometry: Geometry,
): void {
  const offsetBits = BigInt(compressedOffsetBits(geometry));
  const sectors = Math.ceil((host + length) / SECTOR_SIZE) - Math.floor(host / SECTOR_SIZE);
  view.setBigUint64(at, COMPRESSED | (BigInt(sectors - 1) << offsetBits) | BigInt(host));
  if (geometry.subclusters > 1) view.setBigUint64(at + 8, 0n);
}
