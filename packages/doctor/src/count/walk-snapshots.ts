import { Limit, SnapshotEntry } from '@tidemark/qcow2/format';
import type { TablePlace } from '../layout/layout.ts';
import type { Walk } from './walk.ts';
import { walkL1 } from './walk-l1.ts';

/** QEMU refuses an image with more in one entry. */
const MAX_EXTRA = 1024;
const WINDOW = 1 << 18;

/**
 * qcow2.rst, "Snapshots". Counts the table and all that the snapshots refer to. A table that
 * several snapshots share is read once.
 */
export async function walkSnapshots(walk: Walk): Promise<void> {
  const { snapshots } = walk.layout;
  if (snapshots === undefined) {
    walk.isIncomplete = true;
    return;
  }
  if (snapshots.count === 0) return;
  // Their data would be the disk's own, which has no second place in a data file.
  if (walk.layout.hasDataFile) {
    const message = `${snapshots.count} snapshots in image with data file`;
    walk.findings.add({ kind: 'snapshot-table', severity: 'corruption', message });
  }
  const { tables, end } = await readTable(walk, snapshots.offset, snapshots.count);
  const range = { offset: snapshots.offset, length: end - snapshots.offset };
  walk.references.addRange(range, 1, { what: 'the snapshot table' });
  let total = 0;
  for (const { table, weight } of tables.values()) {
    total += table.entries * 8;
    // Sound tables do not overlap, so together they are no longer than the file.
    if (total > walk.source.size) return fault(walk, 'the L1 tables of snapshots overlap');
    await walkL1(walk, table, { weight, isActive: false });
  }
}

type Tables = Map<string, { readonly table: TablePlace; weight: number }>;

async function readTable(
  walk: Walk,
  start: number,
  count: number,
): Promise<{ readonly tables: Tables; readonly end: number }> {
  const { source } = walk;
  const tables: Tables = new Map();
  const limit = Math.min(source.size, start + Limit.snapshotTableBytes);
  let at = start;
  let window = { offset: start, bytes: await source.read(start, Math.min(WINDOW, limit - start)) };
  for (let i = 0; i < count; i++) {
    if (at + SnapshotEntry.size > limit) {
      fault(walk, `the snapshot table ends behind the file, or its limit, at entry ${i}`);
      return { tables, end: Math.min(at, limit) };
    }
    if (at + SnapshotEntry.size > window.offset + window.bytes.length) {
      window = { offset: at, bytes: await source.read(at, Math.min(WINDOW, limit - at)) };
    }
    const entry = SnapshotEntry.decode(window.bytes, at - window.offset);
    if (entry.extraDataSize > MAX_EXTRA) {
      fault(walk, `snapshot ${i} has ${entry.extraDataSize} bytes of extra data`);
      return { tables, end: at };
    }
    addTable(walk, tables, i, entry);
    const size = SnapshotEntry.size + entry.extraDataSize + entry.idSize + entry.nameSize;
    at += Math.ceil(size / 8) * 8;
  }
  return { tables, end: Math.min(at, limit) };
}

function addTable(
  walk: Walk,
  tables: Tables,
  index: number,
  { l1Offset, l1Size }: ReturnType<typeof SnapshotEntry.decode>,
): void {
  if (l1Size === 0) return;
  const { clusterSize } = walk.layout;
  const isSound = l1Size * 8 <= Limit.l1Bytes && l1Offset % BigInt(clusterSize) === 0n;
  if (!isSound || l1Offset > BigInt(Number.MAX_SAFE_INTEGER)) {
    return fault(walk, `snapshot ${index} has its L1 table of ${l1Size} entries at ${l1Offset}`);
  }
  const key = `${l1Offset}:${l1Size}`;
  const known = tables.get(key);
  if (known === undefined) {
    tables.set(key, { table: { offset: Number(l1Offset), entries: l1Size }, weight: 1 });
  } else known.weight += 1;
}

function fault(walk: Walk, message: string): void {
  walk.isIncomplete = true;
  walk.findings.add({ kind: 'snapshot-table', severity: 'corruption', message });
}
