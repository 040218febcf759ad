import { DirtyBitmap, type PreparedCommit } from '@tidemark/core';
import type { DriveBitmap } from './drive-bitmap.ts';
import type { Durability } from './durability.ts';

/** A bitmap and its bits, to be made in a store. */
export interface MadeBitmap {
  readonly bitmap: DriveBitmap;
  readonly content: DirtyBitmap;
  /** Nobody knows its bits any more: it has to be what nobody trusts, in use. */
  readonly isLost?: boolean;
  /** Bits that are to stay on disk besides, until all stores have done their part. */
  readonly kept?: DirtyBitmap;
}

/** A bitmap to be removed, and its bits where they are known. */
export interface RemovedBitmap {
  readonly bitmap: DriveBitmap;
  readonly content: DirtyBitmap | undefined;
}

/** What a transaction makes and removes in one store: all at once, or nothing. */
export interface Restructuring {
  readonly keeper: Durability;
  readonly created: readonly MadeBitmap[];
  readonly removed: readonly RemovedBitmap[];
  readonly changed: readonly ChangedBitmap[];
}

/** A bitmap with other flags or bits than before. */
export interface ChangedBitmap {
  readonly before: MadeBitmap;
  readonly after: MadeBitmap;
}

/** The change of a store that no other depends on. Nothing is done before its commit. */
export function alone({ keeper, created, removed, changed }: Restructuring): PreparedCommit {
  const after = changed.map((change) => change.after);
  return {
    commit: () => keeper.restructure({ created, removed: removed.map(nameOf), changed: after }),
    abort: async () => {},
  };
}

/**
 * The change of a store that is made together with those of others. What the store is to forget of
 * a bitmap stays there for now, so that it is not missing where another store's part fails and this
 * one cannot be taken back. `forget` does the rest.
 */
export async function makeReady(change: Restructuring): Promise<PreparedCommit> {
  const { keeper, created, removed, changed } = change;
  return keeper.prepare({
    created,
    removed: removed.map(nameOf),
    changed: changed.map(({ before, after }) => ({ ...after, kept: before.content })),
  });
}

/** What `makeReady` has kept goes, once no other part can fail. Until then there are bits too many. */
export async function forget({ keeper, changed }: Restructuring): Promise<void> {
  const lowered = changed.filter(({ before, after }) => !isWithin(before.content, after.content));
  await keeper.restructure({ changed: lowered.map(({ after }) => after) });
}

function isWithin(bits: DirtyBitmap, others: DirtyBitmap): boolean {
  const both = others.clone();
  both.merge(bits);
  return both.count === others.count;
}

/** For a store whose part was done when another store's part failed. */
export async function takeBack(change: Restructuring): Promise<void> {
  const { keeper, created, removed, changed } = change;
  // What we cannot read we cannot make either.
  const restored = removed.filter(({ bitmap }) => bitmap.condition !== 'unsupported');
  await keeper.restructure({
    created: restored.map(asRestored),
    removed: created.map(nameOf),
    changed: changed.map(({ before }) => before),
    isUndo: true,
  });
}

function nameOf({ bitmap }: RemovedBitmap): string {
  return bitmap.name;
}

function asRestored({ bitmap, content }: RemovedBitmap): MadeBitmap {
  return content !== undefined && bitmap.condition === 'sound'
    ? { bitmap, content }
    : { bitmap, content: emptyLike(bitmap), isLost: true };
}

function emptyLike({ keeper, granularity }: DriveBitmap): DirtyBitmap {
  return new DirtyBitmap(keeper.diskSize, granularity);
}
