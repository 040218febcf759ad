import { DirtyBitmap } from '@tidemark/core';
import type { DriveBitmap } from './drive-bitmap.ts';
import type { InUseDurability } from './durability.ts';

/** A bitmap and its bits, to be made in a store. */
export interface MadeBitmap {
  readonly bitmap: DriveBitmap;
  readonly content: DirtyBitmap;
}

/** A bitmap to be removed, and its bits where they are known. */
export interface RemovedBitmap {
  readonly bitmap: DriveBitmap;
  readonly content: DirtyBitmap | undefined;
}

/** What a transaction makes and removes in one store: all at once, or nothing. */
export interface Restructuring {
  readonly keeper: InUseDurability;
  readonly created: readonly MadeBitmap[];
  readonly removed: readonly RemovedBitmap[];
}

export async function commit({ keeper, created, removed }: Restructuring): Promise<void> {
  await keeper.restructure(created.map(asMade), removed.map(nameOf));
}

/** For a store whose part was done when another store's part failed. */
export async function takeBack({ keeper, created, removed }: Restructuring): Promise<void> {
  // What we cannot read we cannot make either.
  const restored = removed.filter(({ bitmap }) => bitmap.condition !== 'unsupported');
  await keeper.restructure(restored.map(asRestored), created.map(nameOf));
}

function nameOf({ bitmap }: RemovedBitmap): string {
  return bitmap.name;
}

// The bits of a bitmap in use are worth nothing on disk: write none.
function asMade({ bitmap, content }: MadeBitmap): MadeBitmap {
  return { bitmap, content: bitmap.acquired ? emptyLike(bitmap) : content };
}

/** Without its bits it can only be put back as what nobody trusts: in use. */
function asRestored({ bitmap, content }: RemovedBitmap): MadeBitmap {
  return content !== undefined && bitmap.condition === 'sound'
    ? asMade({ bitmap, content })
    : { bitmap: { ...bitmap, acquired: true }, content: emptyLike(bitmap) };
}

function emptyLike({ keeper, granularity }: DriveBitmap): DirtyBitmap {
  return new DirtyBitmap(keeper.diskSize, granularity);
}
