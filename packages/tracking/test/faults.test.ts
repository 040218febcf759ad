import { describe, expect, it } from 'vitest';
import { callsOf, PLACES, problemsOf } from './faults/every-kth.ts';
import { PLAN_KINDS } from './faults/plans.ts';

// Sessions for each thing that can go wrong; the long form is every k-th call: FAULTS=all.
const sessions = process.env['FAULTS'] === 'all' ? Infinity : Number(process.env['FAULTS'] ?? 3);
// An image of small clusters, and one of large ones.
const SEEDS = [3, 4];

describe.each(PLACES)('where something goes wrong with $name', (place) => {
  it.each(['report', 'drop'] as const)(
    'no bitmap is stale and nothing is damaged, wherever it strikes (%s)',
    async (policy) => {
      for (const seed of SEEDS) {
        const calls = await callsOf(place, { seed, policy });
        for (const kind of PLAN_KINDS) {
          expect(await problemsOf(place, kind, { seed, policy, calls, sessions })).toEqual([]);
        }
      }
    },
    36_000_000,
  );
});
