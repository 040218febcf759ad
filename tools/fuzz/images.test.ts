import { expect, it } from 'vitest';
import { runFuzz } from './run-fuzz.ts';

const CASES = Number(process.env['FUZZ_CASES'] ?? 250);

it('broken images are used, refused or repaired, and never more than that', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  // A case that fails names its own seed.
  const report = await runFuzz(seed, CASES);
  expect(report.deep).toBeGreaterThanOrEqual(0.8);
  expect(Object.keys(report.outcomes)).toEqual(
    expect.arrayContaining(['open used', 'open IMAGE_CORRUPT', 'check checked', 'repair repaired']),
  );
});
