import {
  type BitmapStore,
  DirtyBitmap,
  isTidemarkError,
  MAX_GRANULARITY,
  MAX_NAME_BYTES,
  MIN_GRANULARITY,
  TidemarkError,
} from '@tidemark/core';
import type { BitmapAction, InstantAction, MergeSource } from './bitmap-action.ts';
import type { DriveBitmap } from './drive-bitmap.ts';
import type { DriveDraft } from './drive-draft.ts';
import type { DriveState } from './drive-state.ts';
import { bitmapExists, notPersistable, sizesDiffer } from './messages.ts';
import { planFreeze } from './plan-freeze.ts';

/** What an action does to the bits, once they are at hand. Runs in the tick of the transaction. */
export type BitStep = () => void;

const NO_BITS: BitStep = () => {};

const NAME_HINT = `use 1 to ${MAX_NAME_BYTES} bytes of UTF-8 without NUL`;

export type FindSource = (source: MergeSource) => { draft: DriveDraft; name: string };

/**
 * Checks an action against the flags that the ones before it have left, and notes what it needs.
 * Nothing outside the draft changes.
 */
export function planAction(
  draft: DriveDraft,
  action: BitmapAction | InstantAction,
  findSource: FindSource,
): BitStep {
  switch (action.op) {
    case 'add':
      planAdd(draft, action);
      return NO_BITS;
    case 'remove':
      draft.remove(draft.usable(action.name, 'remove'));
      return NO_BITS;
    case 'clear': {
      const bitmap = draft.usable(action.name, 'change');
      draft.willChange(action.name);
      draft.beginAnew(action.name);
      return () => draft.emptyContent(bitmap);
    }
    case 'enable':
      if (!switchRecording(draft, action.name, { enabled: true })) return NO_BITS;
      // Its own bits, because writes are marked in them while the transaction may still fail.
      return () => void draft.ownContent(action.name);
    case 'disable':
      switchRecording(draft, action.name, { enabled: false });
      return NO_BITS;
    case 'merge':
      return planMerge(draft, action, findSource);
    case 'freeze':
      return planFreeze(draft, action);
    case 'instant':
      return () => {
        draft.takesBack(action.undo);
        action.begin();
      };
    default:
      throw action.error;
  }
}

function switchRecording(
  draft: DriveDraft,
  name: string,
  { enabled }: { readonly enabled: boolean },
): boolean {
  const bitmap = draft.usable(name, 'change');
  if (bitmap.enabled === enabled) return false;
  draft.willChange(name);
  draft.beginAnew(name, { enabled });
  return true;
}

type AddAction = Extract<BitmapAction, { op: 'add' }>;

/**
 * `store`: where it is to be kept. Default: the first that fits.
 * @throws BITMAP_EXISTS, BITMAP_INVALID, BITMAP_TOO_LARGE, BITMAP_UNSUPPORTED, STORE_READ_ONLY
 */
export function planAdd(draft: DriveDraft, action: AddAction, store?: BitmapStore): void {
  const { state } = draft;
  const { name, granularity = state.defaultGranularity, persistent = false } = action;
  const where = state.label;
  if (name === '') {
    const text = 'Bitmap name cannot be empty';
    throw new TidemarkError('BITMAP_INVALID', text, { where, hint: NAME_HINT });
  }
  checkGranularity(granularity, where);
  const keeper = state.keepers.find(
    (known) => known.persistent === persistent && (store === undefined || known.keepsIn(store)),
  );
  if (keeper === undefined) {
    const kind = persistent ? 'persistent' : 'transient';
    throw new TidemarkError(
      'BITMAP_UNSUPPORTED',
      `Can't store ${kind} bitmaps to ${where}: Operation not supported`,
      { where, bitmap: name, hint: 'give the drive a store for them' },
    );
  }
  if (draft.bitmaps.has(name)) throw bitmapExists(where, name);
  const enabled = !(action.disabled ?? false);
  const { bitmap, content } = newBitmap(state, { name, granularity, enabled, keeper });
  draft.add(bitmap, content);
}

type NewBitmap = Pick<DriveBitmap, 'name' | 'granularity' | 'enabled' | 'keeper'>;

/** Clean. @throws BITMAP_INVALID (its name), BITMAP_TOO_LARGE, STORE_READ_ONLY */
export function newBitmap(
  { label: where, writable }: DriveState,
  { name, granularity, enabled, keeper }: NewBitmap,
): { readonly bitmap: DriveBitmap; readonly content: DirtyBitmap } {
  const { persistent } = keeper;
  checkName(name, { where, persistent });
  if (persistent && !(writable && keeper.writable)) {
    const why = 'No write access';
    throw notPersistable('STORE_READ_ONLY', { where, bitmap: name, why });
  }
  const content = emptyBitmap(keeper.diskSize, granularity, { where, bitmap: name, persistent });
  const bitmap: DriveBitmap = {
    identity: Symbol(name),
    name,
    granularity,
    enabled,
    condition: 'sound',
    keeper,
    acquired: false,
    isAnew: true,
    content: undefined,
  };
  return { bitmap, content };
}

// Powers of two that fit an unsigned 32-bit integer, as QMP has them.
export function checkGranularity(granularity: number, where: string): void {
  const isPower = Number.isInteger(Math.log2(granularity));
  if (isPower && granularity >= MIN_GRANULARITY && granularity <= MAX_GRANULARITY) return;
  const text = 'Granularity must be power of 2 and at least 512';
  throw new TidemarkError('BITMAP_INVALID', text, {
    where,
    hint: `use a power of two from ${MIN_GRANULARITY} to ${MAX_GRANULARITY} bytes`,
  });
}

function checkName(
  name: string,
  { where, persistent }: { readonly where: string; readonly persistent: boolean },
): void {
  // A name with a NUL opens in QEMU for reading only.
  if (name.includes('\0')) {
    const text = 'Bitmap name cannot contain a NUL';
    throw new TidemarkError('BITMAP_INVALID', text, { where, hint: NAME_HINT });
  }
  if (Buffer.byteLength(name) <= MAX_NAME_BYTES) return;
  const why = `Name length exceeds maximum (${MAX_NAME_BYTES} characters)`;
  const hint = NAME_HINT;
  if (persistent) throw notPersistable('BITMAP_INVALID', { where, bitmap: name, why, hint });
  throw new TidemarkError('BITMAP_INVALID', `Bitmap name too long: ${name}`, { where, hint });
}

function emptyBitmap(
  diskSize: number,
  granularity: number,
  context: { readonly where: string; readonly bitmap: string; readonly persistent: boolean },
): DirtyBitmap {
  try {
    return new DirtyBitmap(diskSize, granularity);
  } catch (error) {
    if (!context.persistent || !isTidemarkError(error, 'BITMAP_TOO_LARGE')) throw error;
    const why = 'Too much space will be occupied by the bitmap. Use larger granularity';
    throw notPersistable(error.code, { ...context, why }, error);
  }
}

function planMerge(
  draft: DriveDraft,
  { target, sources }: Extract<BitmapAction, { op: 'merge' }>,
  findSource: FindSource,
): BitStep {
  const { keeper } = draft.usable(target, 'change');
  const found = sources.map((source) => {
    const from = findSource(source);
    const bitmap = from.draft.usable(from.name, 'read');
    const sizes = { target: keeper.diskSize, source: bitmap.keeper.diskSize };
    if (sizes.target !== sizes.source) throw sizesDiffer(draft.state.label, target, sizes);
    from.draft.willRead(from.name);
    return from;
  });
  if (found.length === 0) return NO_BITS;
  draft.willChange(target);
  return () => {
    const into = draft.ownContent(target);
    for (const source of found) {
      const from = source.draft.content(source.name);
      if (from !== into) into.merge(from);
    }
  };
}
