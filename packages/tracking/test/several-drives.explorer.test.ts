import { expect, it } from 'vitest';
import { Census } from './explorer/census.ts';
import { exploreSeveralDrives } from './explorer/several-drives.ts';

const STATES = Math.ceil(Number(process.env['EXPLORER_STATES'] ?? 2500) / 10);

it('crash states of three drives hold bitmaps that are true to their checkpoints', async () => {
  const census = new Census();
  const seen = { made: 0, differing: 0, finished: 0 };
  const count = () => census.during['several drives'] ?? 0;
  for (let seed = 1; count() < STATES || seen.finished < 3; seed++) {
    expect(await exploreSeveralDrives({ seed, steps: 200, cuts: 20, census, seen })).toEqual([]);
  }
  console.info(`${census.looks} crash states, ${count()} distinct ones: ${JSON.stringify(seen)}`);
  // Else nothing was put to the test.
  expect(seen.made).toBeGreaterThan(10);
  expect(seen.differing).toBeGreaterThan(20);
}, 3_600_000);
