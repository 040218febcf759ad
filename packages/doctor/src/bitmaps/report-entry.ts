import type { Walk } from '../count/walk.ts';
import type { FindingKind } from '../findings.ts';
import type { BitmapVerdict } from '../result.ts';
import type { BitmapEntry, EntryFault } from './bitmap-entry.ts';

interface Meaning {
  readonly verdict: BitmapVerdict;
  readonly kind: FindingKind;
  readonly problem: string;
}

/** What each fault makes of a bitmap, and how it is put. */
const MEANINGS: Readonly<Record<EntryFault, Meaning>> = {
  name: broken('bitmap-entry', 'has a name that is not possible'),
  'duplicate-name': broken('bitmap-entry', 'is there twice'),
  type: foreign('is of an unknown type'),
  flags: foreign('has unknown flags'),
  granularity: foreign('has a granularity that is not possible'),
  'extra-data': foreign('has extra data that is not known'),
  'compatible-extra-data': foreign('has extra data, which QEMU does not open'),
  'compatible-flag': foreign('has the flag of extra data and none, which QEMU does not open'),
  'table-place': broken('bitmap-table', 'has its table where none can be'),
  'table-size': broken('bitmap-table', 'has a table of the wrong size'),
  'table-entry': broken('bitmap-table', 'has an entry in its table that is not possible'),
  'beyond-end': broken('bitmap-table', 'has clusters behind the end of the file'),
  overlap: broken('bitmap-overlap', 'shares clusters with something else'),
  refcount: broken('bitmap-refcount', 'has clusters that are not counted as in use'),
};

function broken(kind: FindingKind, problem: string): Meaning {
  return { verdict: 'broken', kind, problem };
}

function foreign(problem: string): Meaning {
  return { verdict: 'foreign', kind: 'bitmap-entry', problem };
}

/** Reports what is wrong with a bitmap, and gives it its verdict. */
export function reportEntry(walk: Walk, entry: BitmapEntry): void {
  for (const fault of entry.faults) reportFault(walk, entry, fault);
  if (!entry.inUse) return;
  if (entry.verdict === 'sound') entry.verdict = 'in-use';
  report(walk, entry, 'bitmap-in-use', 'is in use: who used it has not closed the image');
}

/** One fault of a bitmap, which may be found after the others. */
export function reportFault(walk: Walk, entry: BitmapEntry, fault: EntryFault): void {
  const { verdict, kind, problem } = MEANINGS[fault];
  if (entry.verdict !== 'broken') entry.verdict = verdict;
  report(walk, entry, kind, problem);
}

function report(walk: Walk, entry: BitmapEntry, kind: FindingKind, problem: string): void {
  const { name } = entry;
  walk.findings.add({
    kind,
    severity: 'bitmap',
    bitmap: name,
    message: `bitmap '${name}' ${problem}`,
  });
}

/** Entries whose name another one has too. Names are bytes. */
export function namesTwice(entries: readonly BitmapEntry[]): readonly BitmapEntry[] {
  const counts = new Map<string, number>();
  const keyOf = ({ nameBytes }: BitmapEntry) => Buffer.from(nameBytes).toString('latin1');
  for (const entry of entries) counts.set(keyOf(entry), (counts.get(keyOf(entry)) ?? 0) + 1);
  return entries.filter((entry) => counts.get(keyOf(entry))! > 1);
}
