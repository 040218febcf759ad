import { type Geometry, l1EntriesFor, TABLE_ENTRY_SIZE } from '../geometry.ts';

const EXCLUSIVE_HIGH = 0x8000_0000;

/**
 * The used part of L2 table `index` for a disk of `size` bytes whose every cluster lies where the
 * disk has it (qcow2.rst, "External data file" and "L2 table entry": with bit 63, offset 0 is data).
 */
export function identityTable(index: number, size: number, geometry: Geometry): Uint8Array {
  const { clusterSize, l2Coverage, l2EntrySize, subclusters } = geometry;
  const first = index * l2Coverage;
  const count = Math.ceil(Math.min(l2Coverage, Math.max(0, size - first)) / clusterSize);
  const bytes = new Uint8Array(count * l2EntrySize);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) {
    const offset = first + i * clusterSize;
    view.setUint32(i * l2EntrySize, (EXCLUSIVE_HIGH | Math.floor(offset / 2 ** 32)) >>> 0);
    view.setUint32(i * l2EntrySize + 4, offset % 2 ** 32);
    if (subclusters > 1) view.setUint32(i * l2EntrySize + 12, 0xffff_ffff);
  }
  return bytes;
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
