import { afterAll, describe, expect, it } from 'vitest';
import { LIVE_MUTANTS } from './live-mutants.ts';
import { Sandbox } from './sandbox.ts';
import { LEASE_MUTANTS, SIDECAR_MUTANTS } from './sidecar-mutants.ts';

const LIVE = { project: 'tracking', filters: ['live'], env: { EXPLORER_RUNS: '250' } };
const LEASE = { project: 'tracking', filters: ['lease'] };
const SIDECAR = { project: 'store-sidecar', filters: ['binding', 'recovery', 'lease'] };

describe.each([
  ['live bitmaps', LIVE_MUTANTS, LIVE],
  ['leases', LEASE_MUTANTS, LEASE],
  ['sidecars', SIDECAR_MUTANTS, SIDECAR],
])(
  'the tests of %s',
  (_, mutants, tests) => {
    const sandbox = new Sandbox();
    afterAll(() => sandbox.remove());

    it('pass in the sandbox as it is', async () => {
      const { failed, output } = await sandbox.run(undefined, tests);
      expect(failed, output).toBe(false);
    });

    it.each(mutants)('fail where $name', async (mutant) => {
      const { failed, output } = await sandbox.run(mutant, tests);
      expect(failed).toBe(true);
      // By what they are there for, not because the mutant cannot run.
      expect(output).not.toMatch(/SyntaxError|ReferenceError|TypeError|Transform failed/);
      expect(output).toMatch(/AssertionError|Property failed|TidemarkError/);
    });
  },
  300_000,
);
