import { expect, it } from 'vitest';
import { callsOf, PLACES, problemsOf } from './faults/every-kth.ts';
import { SYNC_FAILS } from './faults/plans.ts';

it.each(PLACES)(
  'no bitmap is stale, whichever sync of $name fails',
  async (place) => {
    const options = { seed: 3, policy: 'drop' } as const;
    const calls = await callsOf(place, options);
    expect(await problemsOf(place, SYNC_FAILS, { ...options, calls })).toEqual([]);
  },
  600_000,
);
