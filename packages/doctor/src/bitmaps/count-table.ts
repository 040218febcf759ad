import { BitmapLimit, tableSizeFor } from '@tidemark/qcow2/format';
import type { Walk } from '../count/walk.ts';
import { isPlace } from '../layout/ranges.ts';
import type { BitmapEntry } from './bitmap-entry.ts';

const ENTRY = 8;

/** qcow2.rst, "Bitmap table": offset in bits 9 to 55, the all-ones flag in bit 0, the rest zero. */
const RESERVED_HIGH = 0xff00_0000;
const RESERVED_LOW = 0x1fe;

/**
 * Counts the table of a bitmap, and its clusters of bits. The bits themselves are not read.
 * @param room bytes that tables can still have: sound ones do not overlap, so together they are no
 * longer than the file
 * @returns the room that is left
 */
export async function countTable(walk: Walk, entry: BitmapEntry, room: number): Promise<number> {
  const { layout, source, budget, references } = walk;
  if (!checkPlace(walk, entry)) return room;
  const offset = Number(entry.tableOffset);
  const length = entry.tableSize * ENTRY;
  if (length > room) {
    entry.faults.add('overlap');
    return room;
  }
  const first = offset / layout.clusterSize;
  const count = Math.ceil(length / layout.clusterSize);
  for (let i = 0; i < count; i++) entry.table.push(first + i);
  references.addRange({ offset, length }, 1, { what: 'a bitmap table' });
  budget.take(length);
  const bytes = await source.read(offset, length);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < length; at += ENTRY) {
    countEntry(walk, entry, view.getUint32(at), view.getUint32(at + 4));
  }
  return room - length;
}

function checkPlace({ layout, source }: Walk, entry: BitmapEntry): boolean {
  const { clusterSize, virtualSize } = layout;
  const { tableOffset, tableSize, granularity, inUse, faults } = entry;
  if (tableSize === 0 || tableSize * clusterSize > BitmapLimit.contentBytes) {
    faults.add('table-size');
    return false;
  }
  const end = tableOffset + BigInt(tableSize * ENTRY);
  if (!isPlace(tableOffset, clusterSize, source.size) || end > BigInt(source.size)) {
    faults.add('table-place');
    return false;
  }
  // QEMU does not look at the table of a bitmap in use.
  const isExact =
    granularity === 0 || tableSize === tableSizeFor(virtualSize, granularity, clusterSize);
  if (!isExact && !inUse) faults.add('table-size');
  return true;
}

function countEntry(walk: Walk, entry: BitmapEntry, high: number, low: number): void {
  if (high === 0 && low <= 1) return;
  const { layout, references } = walk;
  const offset = (high & ~RESERVED_HIGH) * 2 ** 32 + ((low & ~0x1ff) >>> 0);
  const isReserved = (high & RESERVED_HIGH) !== 0 || (low & RESERVED_LOW) !== 0;
  if (isReserved || (low & 1) !== 0 || offset % layout.clusterSize !== 0) {
    entry.faults.add('table-entry');
    return;
  }
  const what = `a cluster of bitmap '${entry.name}'`;
  const range = { offset, length: layout.clusterSize };
  if (references.addRange(range, 1, { what, bitmap: entry.name })) {
    entry.data.push(offset / layout.clusterSize);
  } else entry.faults.add('beyond-end');
}
