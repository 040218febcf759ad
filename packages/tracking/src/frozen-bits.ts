import { randomBytes } from 'node:crypto';
import { DirtyBitmap } from '@tidemark/core';

/** What who copies by a frozen bitmap has to know. */
export interface FrozenBits {
  /** No two freezes have the same, those of other processes included. */
  readonly id: string;
  /** As in the tick in which it began. Never changed. */
  readonly bits: DirtyBitmap;
}

/**
 * A bitmap whose bits stand still for who copies by them, as QEMU's backup job has it. In its store
 * and for marks it stays what it was, and goes on: that is the union of both sets of bits here. So
 * a crash, which ends the freeze, has nothing to undo.
 */
export interface Freeze extends FrozenBits {
  /** What was under way in that tick, and what was written since, if the bitmap records. */
  readonly successor: DirtyBitmap;
}

/** Nothing records in it yet. */
export function newFreeze(content: DirtyBitmap): Freeze {
  const { diskSize, granularity } = content;
  const successor = new DirtyBitmap(diskSize, granularity);
  return { id: randomBytes(16).toString('hex'), bits: content.clone(), successor };
}
