import { type BitmapStore, TidemarkError } from '@tidemark/core';
import type { DriveBitmap } from './drive-bitmap.ts';
import { DriveDraft } from './drive-draft.ts';
import type { DriveState } from './drive-state.ts';
import { bitmapNotFound, refusal } from './messages.ts';
import { planAdd } from './plan-action.ts';
import type { MadeBitmap } from './restructuring.ts';

/** What a user says of a bitmap when a drive is opened: the daemon's -dirty-bitmap option. */
export interface BitmapSelection {
  readonly name: string;
  /** Makes it; it must not exist. Default false: it must. */
  readonly create?: boolean;
  /** Omitted: on when created, the stored flag when loaded. Given: it is stored. */
  readonly enabled?: boolean;
  /** Bytes. Of a bitmap that is loaded: what it must have. */
  readonly granularity?: number;
  /** False: in the transient store. Default: wherever it is; in a persistent one when created. */
  readonly persistent?: boolean;
  /** Which of the drive's stores. Default: wherever it is; in the first when created. */
  readonly store?: BitmapStore;
}

/** What opening a drive has to do to its stores. Nothing of it is done yet. */
export interface SelectionPlan {
  readonly selected: ReadonlySet<string>;
  /** With the flags that they are going to have. */
  readonly acquired: readonly DriveBitmap[];
  readonly created: readonly MadeBitmap[];
}

/** Checks every selection against the stores' directories. @throws as `openTrackedDrive` */
export function planSelection(
  state: DriveState,
  selections: readonly BitmapSelection[],
): SelectionPlan {
  const draft = new DriveDraft(state);
  const selected = new Set<string>();
  for (const selection of selections) {
    if (selected.has(selection.name)) throw selectedTwice(state.label, selection.name);
    selected.add(selection.name);
    if (selection.create === true) planCreate(draft, selection);
    else planLoad(draft, selection);
  }
  const acquired: DriveBitmap[] = [];
  const created: MadeBitmap[] = [];
  for (const [name, bitmap] of draft.bitmaps) {
    const stored = state.bitmaps.get(name);
    if (stored === undefined) {
      const made = { ...bitmap, acquired: bitmap.enabled };
      created.push({ bitmap: made, content: draft.content(name) });
    } else if (needsAcquire(state, stored, bitmap)) acquired.push(bitmap);
  }
  return { selected, acquired, created };
}

function needsAcquire(state: DriveState, stored: DriveBitmap, wanted: DriveBitmap): boolean {
  if (!state.writable) return false;
  if (wanted.condition === 'sound') {
    if (!wanted.enabled && wanted.enabled === stored.enabled) return false;
    if (!wanted.keeper.writable) throw recordsInReadOnlyStore(state.label, wanted);
    return true;
  }
  // An inconsistent one is known to be worthless; this one would look sound without the writes.
  if (wanted.condition === 'unsupported' && wanted.enabled) {
    throw refusal('unsupported', state.label, wanted.name);
  }
  return false;
}

function planCreate(draft: DriveDraft, selection: BitmapSelection): void {
  const { name, granularity, enabled = true, store } = selection;
  const { state } = draft;
  const keeper = state.keepers.find((known) => store === undefined || known.keepsIn(store));
  const { persistent = keeper?.persistent ?? true } = selection;
  if (!state.writable) {
    const hint = 'open the drive for writing';
    const text = `bitmap '${name}' cannot be made: drive '${state.label}' is open for reading only`;
    throw new TidemarkError('STORE_READ_ONLY', text, { where: state.label, bitmap: name, hint });
  }
  const sized = granularity !== undefined && { granularity };
  planAdd(draft, { op: 'add', name, persistent, disabled: !enabled, ...sized }, store);
}

function planLoad(draft: DriveDraft, selection: BitmapSelection): void {
  const { name, granularity, enabled } = selection;
  const { label, bitmaps } = draft.state;
  const stored = bitmaps.get(name);
  if (stored === undefined || !isWhere(stored, selection)) throw bitmapNotFound(label, name);
  const bitmap = draft.usable(name, 'read');
  if (granularity !== undefined && granularity !== bitmap.granularity) {
    throw new TidemarkError(
      'BITMAP_INVALID',
      `bitmap '${name}' has a granularity of ${bitmap.granularity} bytes, not ${granularity}`,
      { where: label, bitmap: name, hint: 'leave the granularity out to take it as it is' },
    );
  }
  if (enabled === undefined || enabled === bitmap.enabled) return;
  if (!draft.state.writable) throw refusal('readonly', label, name);
  draft.usable(name, 'change');
  draft.beginAnew(name, { enabled });
}

function isWhere({ keeper }: DriveBitmap, { persistent, store }: BitmapSelection): boolean {
  if (store !== undefined && !keeper.keepsIn(store)) return false;
  return persistent === undefined || persistent === keeper.persistent;
}

function recordsInReadOnlyStore(where: string, { name, keeper }: DriveBitmap): TidemarkError {
  const hint = 'open the store for writing, or the drive for reading';
  const text = `bitmap '${name}' records, but ${keeper.label} is open for reading only`;
  return new TidemarkError('STORE_READ_ONLY', text, { where, bitmap: name, hint });
}

function selectedTwice(where: string, bitmap: string): TidemarkError {
  const hint = 'give each bitmap one option';
  return new TidemarkError('USAGE', `bitmap '${bitmap}' is selected twice`, {
    where,
    bitmap,
    hint,
  });
}
