import type { DraftContents } from './draft-contents.ts';
import type { DriveBitmap } from './drive-bitmap.ts';
import type { DriveState } from './drive-state.ts';
import type { Durability } from './durability.ts';
import type { ChangedBitmap, MadeBitmap, RemovedBitmap, Restructuring } from './restructuring.ts';

/** A transaction on one drive, from the tick in which it begins. */
export interface DraftedDrive {
  /** As before. */
  readonly state: DriveState;
  readonly next: ReadonlyMap<string, DriveBitmap>;
  /** Whose bitmaps are made, changed or removed. */
  readonly keepers: readonly Durability[];
  /** Names of those bitmaps that the drive had, and that are changed or removed. */
  readonly changing: ReadonlySet<string>;
  readonly removing: ReadonlySet<string>;
  readonly contents: DraftContents;
  readonly isNew: (name: string) => boolean;
}

/** What a transaction does to each store of a drive. */
export function partsOf(draft: DraftedDrive): readonly Restructuring[] {
  return draft.keepers.map((keeper) => ({
    keeper,
    created: createdIn(draft, keeper),
    removed: removedFrom(draft, keeper),
    changed: keeper.storesAtOnce ? changedIn(draft, keeper) : [],
  }));
}

function createdIn({ isNew, next, contents }: DraftedDrive, keeper: Durability): MadeBitmap[] {
  return [...next.values()]
    .filter((bitmap) => bitmap.keeper === keeper && isNew(bitmap.name))
    .map((bitmap) => ({ bitmap, content: contents.get(bitmap.name) }));
}

function changedIn(draft: DraftedDrive, keeper: Durability): readonly ChangedBitmap[] {
  const { state, next, changing, contents } = draft;
  return [...next.values()]
    .filter((bitmap) => bitmap.keeper === keeper && changing.has(bitmap.name))
    .map((bitmap) => {
      const before = asPutBack(state.find(bitmap.name));
      return {
        before: { bitmap: before, content: contents.before(before) ?? bitmap.content! },
        after: { bitmap, content: contents.get(bitmap.name) },
      };
    });
}

function removedFrom(draft: DraftedDrive, keeper: Durability): readonly RemovedBitmap[] {
  return [...draft.removing]
    .map((name) => asPutBack(draft.state.find(name)))
    .filter((bitmap) => bitmap.keeper === keeper)
    .map((bitmap) => ({ bitmap, content: draft.contents.before(bitmap) }));
}

/** What had no checkpoint is to have none, whatever its store comes to have meanwhile. */
function asPutBack(bitmap: DriveBitmap): DriveBitmap {
  return bitmap.checkpoint === undefined ? { ...bitmap, isAnew: true } : bitmap;
}
