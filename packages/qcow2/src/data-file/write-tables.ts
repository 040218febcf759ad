import { type Geometry, l1EntriesFor, TABLE_ENTRY_SIZE } from '../geometry.ts';
import type { ImageHeader } from '../header/image-header.ts';
import type { HostFile } from '../io/host-file.ts';
import { writeRefcount } from '../refcounts/refcount-width.ts';
import { consecutiveL1, linearTable } from './identity-tables.ts';

export interface TablesOptions {
  readonly geometry: Geometry;
  /** Bytes of the disk. */
  readonly size: number;
  /** The map says that all of the disk lies in its data file. */
  readonly isMapped: boolean;
  /**
   * Clusters of the image are mapped in advance, to the end of the file: to be read, or with each
   * subcluster unallocated. Default: the map is empty, unless it is that of a data file.
   */
  readonly preallocated?: 'data' | 'unallocated' | undefined;
  /** Bytes of the file, whole clusters, that the tables count besides the header's and their own. */
  readonly used: { readonly start: number; readonly end: number };
}

type HeaderFields = Pick<
  ImageHeader,
  'l1Offset' | 'l1Entries' | 'refcountTableOffset' | 'refcountTableClusters'
>;

/** Where the tables of an image lie: the counts, then the map of the disk. Host offsets. */
export interface TablePlan extends TablesOptions {
  readonly header: HeaderFields;
  readonly firstBlock: number;
  readonly blockCount: number;
  /** L2 tables lie here, one behind the other. */
  readonly firstTable: number;
  /** Clusters that are mapped in advance lie here, in the order of the disk. */
  readonly firstData: number;
  /** Bytes of the file with them, in whole clusters. */
  readonly end: number;
  /** Bytes of the file, which may end with the last entry of its last table, as QEMU's do. */
  readonly fileSize: number;
}

export function planTables(options: TablesOptions): TablePlan {
  const { geometry, size, isMapped, preallocated, used } = options;
  const hasTables = isMapped || preallocated !== undefined;
  const { clusterSize } = geometry;
  const l1Entries = l1EntriesFor(size, geometry);
  const l1Clusters = Math.ceil((l1Entries * TABLE_ENTRY_SIZE) / clusterSize);
  const mapClusters = l1Clusters + (hasTables ? l1Entries : 0);
  const dataClusters = preallocated === undefined ? 0 : Math.ceil(size / clusterSize);
  const counts = planCounts(used.end / clusterSize + mapClusters + dataClusters, geometry);
  const firstBlock = used.end + counts.tableClusters * clusterSize;
  const l1Offset = firstBlock + counts.blocks * clusterSize;
  const end = counts.total * clusterSize;
  return {
    ...options,
    header: {
      l1Offset,
      l1Entries,
      refcountTableOffset: used.end,
      refcountTableClusters: counts.tableClusters,
    },
    firstBlock,
    blockCount: counts.blocks,
    firstTable: l1Offset + l1Clusters * clusterSize,
    firstData: (counts.total - dataClusters) * clusterSize,
    end,
    fileSize: hasTables ? end : l1Offset + l1Entries * TABLE_ENTRY_SIZE,
  };
}

/** Refcount blocks count themselves, too: more are added until they suffice. */
export function planCounts(clusters: number, { clusterSize, refcountsPerBlock }: Geometry) {
  for (let blocks = 1; ;) {
    const tableClusters = Math.ceil((blocks * TABLE_ENTRY_SIZE) / clusterSize);
    const total = clusters + tableClusters + blocks;
    const needed = Math.ceil(total / refcountsPerBlock);
    if (needed <= blocks) return { blocks, tableClusters, total };
    blocks = needed;
  }
}

/** Writes the tables where the file has nothing but zeros, as far as it reaches; flushes nothing. */
export async function writeTables(file: HostFile, plan: TablePlan): Promise<void> {
  const { geometry, size, header, firstTable, firstBlock } = plan;
  await file.ensureSize(plan.fileSize);
  if (plan.isMapped || plan.preallocated !== undefined) {
    const start = plan.isMapped ? 0 : plan.firstData;
    const map = { size, start, isHidden: plan.preallocated === 'unallocated' };
    for (let i = 0; i < header.l1Entries; i++) {
      await file.write(linearTable(i, map, geometry), firstTable + i * geometry.clusterSize);
    }
    await file.write(consecutiveL1(firstTable, size, geometry), header.l1Offset);
  }
  const table = new DataView(new ArrayBuffer(plan.blockCount * TABLE_ENTRY_SIZE));
  for (let i = 0; i < plan.blockCount; i++) {
    const offset = firstBlock + i * geometry.clusterSize;
    table.setBigUint64(i * TABLE_ENTRY_SIZE, BigInt(offset));
    await file.write(countsOf(i, plan), offset);
  }
  await file.write(new Uint8Array(table.buffer), header.refcountTableOffset);
}

/** Block `index`: it counts the header's cluster, and all that is used. */
function countsOf(index: number, { geometry, used, end }: TablePlan): Uint8Array {
  const { clusterSize, refcountsPerBlock, refcountBits } = geometry;
  const bytes = new Uint8Array(clusterSize);
  const view = new DataView(bytes.buffer);
  const base = index * refcountsPerBlock;
  if (index === 0) writeRefcount(view, 0, refcountBits, 1);
  const last = Math.min(end / clusterSize, base + refcountsPerBlock);
  for (let cluster = Math.max(used.start / clusterSize, base); cluster < last; cluster++) {
    writeRefcount(view, cluster - base, refcountBits, 1);
  }
  return bytes;
}
