import type { DirectoryEntry } from '../backend.ts';
import { bitmapState } from './bitmap-state.ts';
import type { Refusals } from './refusals.ts';

export interface UseRules {
  /** Names of what the store has given out. */
  readonly acquired: ReadonlySet<string>;
  readonly refusals: Refusals;
}

/** @throws BITMAP_NOT_FOUND, BITMAP_BUSY, BITMAP_INCONSISTENT, BITMAP_UNSUPPORTED */
export function findUsable(
  entries: readonly DirectoryEntry[],
  name: string,
  { acquired, refusals }: UseRules,
): DirectoryEntry {
  const entry = entries.find((known) => known.name === name);
  if (entry === undefined) throw refusals.notFound(name);
  assertAtRest(entry, { acquired, refusals });
  return entry;
}

/** @throws BITMAP_BUSY, BITMAP_INCONSISTENT, BITMAP_UNSUPPORTED */
export function assertAtRest(entry: DirectoryEntry, { acquired, refusals }: UseRules): void {
  const state = bitmapState(entry, acquired);
  if (state === 'in-use') throw refusals.busy(entry.name);
  const refusal = refusals.ofState(entry, state);
  if (refusal !== undefined) throw refusal;
}
