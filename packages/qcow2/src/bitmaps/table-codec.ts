import { type BitmapFault, contentFault } from './faults.ts';

/**
 * A bitmap table in memory: for each cluster of bitmap data its host offset, or one of the two
 * values below, which need no cluster.
 */
export type BitmapTable = Float64Array<ArrayBuffer>;

export const ALL_ZEROS = 0;
export const ALL_ONES = 1;
/** Stands for a cluster that has yet to be allocated, while a table is put together. */
export const HAS_DATA = -1;

/** qcow2.rst, "Bitmap table": offset in bits 9 to 55, the all-ones flag in bit 0, the rest zero. */
const RESERVED_HIGH = 0xff00_0000;
const RESERVED_LOW = 0x0000_01fe;

export interface TableSource {
  readonly where: string;
  readonly bitmap: string;
  /** Host offset of the table, for messages. */
  readonly offset: number;
  readonly clusterSize: number;
  readonly bytes: Uint8Array;
}

/** @throws IMAGE_CORRUPT. Does not know where the file ends: its caller has to. */
export function decodeTable(source: TableSource): BitmapTable {
  const { bytes, clusterSize } = source;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const table = new Float64Array(bytes.length / 8);
  for (let index = 0; index < table.length; index++) {
    const high = view.getUint32(index * 8);
    const low = view.getUint32(index * 8 + 4);
    if ((high & RESERVED_HIGH) !== 0 || (low & RESERVED_LOW) !== 0) {
      throw entryFault(source, index, 'has reserved bits set');
    }
    // Exact even above 2^53, since the low nine bits are zero.
    const offset = high * 2 ** 32 + (low - (low & 1));
    if (offset !== 0 && (low & 1) === 1) {
      throw entryFault(source, index, 'is all ones, and yet has a cluster');
    }
    if (offset % clusterSize !== 0) {
      throw entryFault(source, index, `is ${offset}, not the start of a cluster`);
    }
    table[index] = offset + (low & 1);
  }
  return table;
}

export function encodeTable(table: BitmapTable, target: Uint8Array): void {
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  for (let index = 0; index < table.length; index++) {
    const entry = table[index]!;
    view.setUint32(index * 8, entry / 2 ** 32);
    view.setUint32(index * 8 + 4, entry % 2 ** 32);
  }
}

export function entryFault(
  source: Omit<TableSource, 'bytes' | 'clusterSize'>,
  index: number,
  problem: string,
): Error {
  const { where, bitmap, offset } = source;
  const fault: BitmapFault = {
    where,
    bitmap,
    struct: `bitmap table entry ${index}`,
    offset: offset + index * 8,
    problem,
  };
  return contentFault(fault);
}

/** Neighbouring clusters of bitmap data that lie side by side in the file, or need none. */
export interface TableRun {
  /** Table index of the first. */
  readonly index: number;
  readonly count: number;
  /** Host offset, or `ALL_ZEROS` or `ALL_ONES`. */
  readonly start: number;
}

/** The table in order, in runs of at most `maxClusters` where there is data. */
export function* tableRuns(
  table: BitmapTable,
  clusterSize: number,
  maxClusters: number,
): Generator<TableRun> {
  for (let index = 0; index < table.length;) {
    const start = table[index]!;
    const hasData = start > ALL_ONES;
    const step = hasData ? clusterSize : 0;
    const limit = hasData ? Math.min(table.length, index + maxClusters) : table.length;
    let end = index + 1;
    while (end < limit && table[end] === start + (end - index) * step) end++;
    yield { index, count: end - index, start };
    index = end;
  }
}
