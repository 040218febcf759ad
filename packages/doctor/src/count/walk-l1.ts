import type { TablePlace } from '../layout/layout.ts';
import { forUsedEntries } from '../layout/pieces.ts';
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
  const report = (problem: string) => {
    const message = `the L1 entry at byte ${at} ${problem}`;
    findings.add({ kind: 'l1-entry', severity: 'corruption', offset: at, message }, weight);
  };
  if ((high & RESERVED_HIGH) !== 0 || (low & RESERVED_LOW) !== 0) report('has reserved bits set');
  const offset = (high & OFFSET_HIGH) * 2 ** 32 + ((low & ~RESERVED_LOW) >>> 0);
  if (offset === 0) return;
  if (offset % layout.clusterSize !== 0) {
    report(`points to ${offset}, not the start of a cluster`);
    walk.isIncomplete = true;
    return;
  }
  const cluster = offset / layout.clusterSize;
  const isCopied = high >>> 31 === 1;
  if (isActive && isCopied !== walk.single.has(cluster)) {
    const message = copiedMessage(`the L1 entry at byte ${at}`, isCopied);
    findings.add({ kind: 'copied-flag', severity: 'corruption', offset: at, cluster, message });
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

/** Words for an entry that says wrongly whether its cluster's refcount is just 1. */
export function copiedMessage(entry: string, isCopied: boolean): string {
  return isCopied
    ? `${entry} says that nothing else uses its cluster, whose refcount is not 1`
    : `${entry} does not say that nothing else uses its cluster, whose refcount is 1`;
}
