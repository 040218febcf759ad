import { DIRTY, GRANULE, OLD, SET, SIZE, type stateOf } from './three-drives.ts';

export type Found = readonly Awaited<ReturnType<typeof stateOf>>[];

const GRANULES = SIZE / GRANULE;

/** What a checkpoint over the three drives has come to, in the end; else what is wrong. */
export function outcomeOf(found: Found): string {
  const [first] = found;
  const lost = found.find((state) => state?.lost !== undefined)?.lost;
  if (lost !== undefined) return lost;
  if (found.every((state) => state?.checkpoint === SET)) {
    // Cleared by the change itself, or made all ones after it.
    const isWhole = found.every(({ dirty } = first!) => [0, GRANULES].includes(dirty.length));
    return isWhole ? 'made' : `made, with bits of before: ${JSON.stringify(found)}`;
  }
  const before = DIRTY.map((dirty) => dirty && { checkpoint: OLD, dirty });
  const now = found.map((state) => state && { checkpoint: state.checkpoint, dirty: state.dirty });
  return JSON.stringify(now) === JSON.stringify(before) ? 'undone' : JSON.stringify(found);
}
