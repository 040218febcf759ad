import type { TablePlace } from '../layout/layout.ts';
import { forUsedEntries } from '../layout/pieces.ts';
import { entryOf, hex, hexOf } from '../qemu-line.ts';
import type { Walk } from './walk.ts';

const ENTRY = 8;
const STEP = 1 << 20;

/** qcow2.rst, "L1 table entry": offset in bits 9 to 55; bit 63 says that the refcount is 1. */
const RESERVED_HIGH = 0x7f00_0000;
const OFFSET_HIGH = 0x00ff_ffff;
const RESERVED_LOW = 0x1ff;

export interface L1Options {
  /** How many snapshots have this very table. */
  readonly weight: number;
  readonly isActive: boolean;
}

/** Counts an L1 table and the L2 tables that it names, which are read later, each once. */
export async function walkL1(walk: Walk, table: TablePlace, options: L1Options): Promise<void> {
  const { source, references } = walk;
  const range = { offset: table.offset, length: table.entries * ENTRY };
  const what = options.isActive ? 'the L1 table' : 'the L1 table of a snapshot';
  if (options.isActive) walk.expectActiveL1(table.entries);
  if (!references.addRange(range, options.weight, { what })) walk.isIncomplete = true;
  // What lies behind the end of the file reads as zeros, so it need not be read.
  const length = Math.max(0, Math.min(range.length, source.size - range.offset));
  for await (const { offset, bytes } of source.parts(range.offset, length, STEP)) {
    forUsedEntries(bytes, (at, high, low) => {
      const place = offset + at;
      const index = (place - table.offset) / ENTRY;
      walkEntry(walk, { at: place, index, high, low }, options);
    });
  }
}

interface Entry {
  /** Bytes in the file. */
  readonly at: number;
  readonly index: number;
  readonly high: number;
  readonly low: number;
}

function walkEntry(walk: Walk, entry: Entry, { weight, isActive }: L1Options): void {
  const { at, high, low } = entry;
  const { layout, references, findings } = walk;
  const report = (problem: string, qemuLine: string) => {
    const message = `the L1 entry at byte ${at} ${problem}`;
    const severity = 'corruption';
    findings.add({ kind: 'l1-entry', severity, offset: at, message, qemuLine }, weight);
  };
  if ((high & RESERVED_HIGH) !== 0 || (low & RESERVED_LOW) !== 0) {
    const line = `ERROR found L1 entry with reserved bits set: ${hexOf(high, low)}`;
    report('has reserved bits set', line);
  }
  const offset = (high & OFFSET_HIGH) * 2 ** 32 + ((low & ~RESERVED_LOW) >>> 0);
  if (offset === 0) return;
  if (offset % layout.clusterSize !== 0) {
    const line = `ERROR l2_offset=${hex(offset)}: Table is not cluster aligned; L1 entry corrupted`;
    report(`points to ${offset}, not the start of a cluster`, line);
    walk.isIncomplete = true;
    return;
  }
  const cluster = offset / layout.clusterSize;
  const isCopied = high >>> 31 === 1;
  if (isActive && isCopied !== walk.single.has(cluster)) {
    const entryBits = entryOf(high, low);
    const fault = { at, entry: entryBits, cluster, l1Index: entry.index, weight: 1 };
    walk.copiedFaults.add(walk, fault);
  }
  const range = { offset, length: layout.clusterSize };
  if (!references.addRange(range, weight, { what: `the L2 table of the L1 entry at byte ${at}` })) {
    walk.isIncomplete = true;
    return;
  }
  walk.l2Tables.add(cluster, weight);
  if (!isActive) return;
  walk.activeL2Tables.add(cluster, weight);
  walk.placeActiveL2(entry.index, cluster);
}
