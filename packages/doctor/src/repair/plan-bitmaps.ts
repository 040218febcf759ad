import { BitmapDirectoryEntry, DIRTY_TRACKING, EntryFlag } from '@tidemark/qcow2/format';
import { type BitmapEntry, type EntryFault, entrySize } from '../bitmaps/bitmap-entry.ts';
import type { ReadBitmaps } from '../bitmaps/read-bitmaps.ts';
import type { RepairAction } from './actions.ts';

/** What is going to become of an image's bitmaps. */
export interface BitmapsPlan {
  readonly actions: readonly RepairAction[];
  /** `keep`: nothing of them is changed. `remove`: the extension goes. */
  readonly directory: 'keep' | 'remove' | Uint8Array;
  /** Entries of the new directory. */
  readonly count: number;
  /** Clusters that nothing refers to any more. */
  readonly freed: readonly number[];
}

/** Faults after which nobody knows what a bitmap says, or which clusters are its own. */
const FATAL: Partial<Readonly<Record<EntryFault, string>>> = {
  name: 'its name is not possible',
  'duplicate-name': 'there are two of that name',
  type: 'its type is unknown',
  flags: 'it has unknown flags',
  granularity: 'its granularity is not possible',
  'extra-data': 'it has extra data without which it cannot be understood',
  'table-place': 'its table is where none can be',
  'table-size': 'its table has the wrong size',
  'table-entry': 'its table has an entry that is not possible',
  'beyond-end': 'its clusters are behind the end of the file',
  overlap: 'its clusters are used by something else',
};

const NOTHING: BitmapsPlan = { actions: [], directory: 'keep', count: 0, freed: [] };

export function planBitmaps(bitmaps: ReadBitmaps, dropInUse: boolean): BitmapsPlan {
  const { state, entries, isPromiseEmpty } = bitmaps;
  if (isPromiseEmpty) return removal([], 'there is none, though the header promises it');
  if (state === 'none') return NOTHING;
  if (state === 'stale') {
    const reasons = ['a program without bitmap support changed the image'];
    const lost = entries.map(({ name }) => dropped(name, reasons));
    return removal(lost, 'a program without bitmap support changed the image');
  }
  const plans = entries.map((entry) => planEntry(entry, state === 'unreadable', dropInUse));
  const actions = plans.flatMap(({ action }) => action ?? []);
  if (actions.length === 0 && state === 'present') return NOTHING;
  const kept = plans.flatMap(({ bytes }) => bytes ?? []);
  const freed = [
    ...bitmaps.directory,
    ...plans.flatMap(({ bytes, entry }) =>
      bytes === undefined ? [...entry.table, ...entry.data] : [],
    ),
  ];
  if (kept.length === 0) {
    const reason = entries.length === 0 ? 'its directory cannot be read' : 'no bitmap is left';
    return { ...removal(actions, reason), freed };
  }
  actions.push({ action: 'rewrite-bitmap-directory', bitmaps: kept.length });
  return { actions, directory: Buffer.concat(kept), count: kept.length, freed };
}

function removal(lost: readonly RepairAction[], reason: string): BitmapsPlan {
  const actions = [...lost, { action: 'remove-bitmaps-extension', reason } as const];
  return { actions, directory: 'remove', count: 0, freed: [] };
}

function dropped(bitmap: string, reasons: readonly string[]): RepairAction {
  return { action: 'drop-bitmap', bitmap, reasons };
}

interface EntryPlan {
  readonly entry: BitmapEntry;
  readonly action?: RepairAction;
  /** Absent: the entry is dropped. */
  readonly bytes?: Uint8Array;
}

/** A bitmap that cannot be trusted is dropped or marked as such, and never made valid. */
function planEntry(entry: BitmapEntry, isDoubtful: boolean, dropInUse: boolean): EntryPlan {
  const { name, faults, inUse } = entry;
  const fatal = [...faults].flatMap((fault) => FATAL[fault] ?? []);
  if (inUse && (fatal.length > 0 || dropInUse)) {
    fatal.unshift('it was in use when its user ended, so that it was lost before');
  }
  if (fatal.length > 0) return { entry, action: dropped(name, fatal) };
  const reasons = [
    ...(isDoubtful ? ['the directory or its place in the header was damaged'] : []),
    ...(faults.has('refcount') ? ['its clusters were free for others to use'] : []),
  ];
  if (reasons.length > 0 && !inUse) {
    const action = { action: 'mark-inconsistent', bitmap: name, reasons } as const;
    return { entry, action, bytes: encode(entry, EntryFlag.inUse) };
  }
  if (!faults.has('compatible-extra-data') && !faults.has('compatible-flag')) {
    return { entry, bytes: encode(entry, 0) };
  }
  const bytes = encode(entry, 0);
  const extra = entry.bytes.length - bytes.length;
  return { entry, bytes, action: { action: 'strip-extra-data', bitmap: name, bytes: extra } };
}

/** The entry as QEMU writes it: no extra data, only flags that it knows. */
function encode(entry: BitmapEntry, flags: number): Uint8Array {
  const { nameBytes, granularity, tableOffset, tableSize } = entry;
  const bytes = new Uint8Array(entrySize(0, nameBytes.length));
  BitmapDirectoryEntry.encode(
    {
      tableOffset,
      tableSize,
      flags: (entry.flags & (EntryFlag.inUse | EntryFlag.auto)) | flags,
      type: DIRTY_TRACKING,
      granularityBits: Math.log2(granularity),
      nameSize: nameBytes.length,
      extraDataSize: 0,
    },
    bytes,
  );
  bytes.set(nameBytes, BitmapDirectoryEntry.size);
  return bytes;
}
