import { type Geometry, l1EntriesFor, TABLE_ENTRY_SIZE } from '../geometry.ts';
import { allParts, writeEntry } from '../mapping/cluster-entry.ts';

/** Where a disk lies in a file, one cluster behind the other. */
export interface LinearMap {
  /** Bytes of the disk. */
  readonly size: number;
  /** Offset in the file of its first cluster. */
  readonly start: number;
  /** Subclusters are left unallocated: they show what is behind the image. Else all of it is data. */
  readonly isHidden: boolean;
}

/**
 * The used part of L2 table `index` of such a disk (qcow2.rst, "L2 table entry"; "External data
 * file": with bit 63, offset 0 is data).
 */
export function linearTable(index: number, map: LinearMap, geometry: Geometry): Uint8Array {
  const { clusterSize, l2Coverage, l2EntrySize } = geometry;
  const first = index * l2Coverage;
  const count = Math.ceil(Math.min(l2Coverage, Math.max(0, map.size - first)) / clusterSize);
  const bytes = new Uint8Array(count * l2EntrySize);
  const view = new DataView(bytes.buffer);
  const data = map.isHidden ? 0 : allParts(geometry);
  for (let i = 0; i < count; i++) {
    const host = map.start + first + i * clusterSize;
    const entry = { kind: 'cluster', host, exclusive: true, data, zero: 0 } as const;
    writeEntry(view, i * l2EntrySize, entry, geometry);
  }
  return bytes;
}

/** Of a disk whose every cluster lies where the disk has it. */
export function identityTable(index: number, size: number, geometry: Geometry): Uint8Array {
  return linearTable(index, { size, start: 0, isHidden: false }, geometry);
}

/** An L1 table whose L2 tables lie one behind the other, from `firstTable` on. */
export function consecutiveL1(firstTable: number, size: number, geometry: Geometry): Uint8Array {
  const count = l1EntriesFor(size, geometry);
  const bytes = new Uint8Array(count * TABLE_ENTRY_SIZE);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) {
    const offset = firstTable + i * geometry.clusterSize;
    view.setBigUint64(i * TABLE_ENTRY_SIZE, (1n << 63n) | BigInt(offset));
  }
  return bytes;
}
