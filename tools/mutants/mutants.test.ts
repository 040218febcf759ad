import { afterAll, describe, expect, it } from 'vitest';
import { LIVE_MUTANTS } from './live-mutants.ts';
import { Sandbox } from './sandbox.ts';

const TESTS = { project: 'tracking', filters: ['live'], env: { EXPLORER_RUNS: '250' } };

describe('the tests of live bitmaps', () => {
  const sandbox = new Sandbox();
  afterAll(() => sandbox.remove());

  it('pass in the sandbox as it is', async () => {
    const { failed, output } = await sandbox.run(undefined, TESTS);
    expect(failed, output).toBe(false);
  });

  it.each(LIVE_MUTANTS)('fail where $name', async (mutant) => {
    const { failed, output } = await sandbox.run(mutant, TESTS);
    expect(failed).toBe(true);
    // By what they are there for, not because the mutant cannot run.
    expect(output).not.toMatch(/SyntaxError|ReferenceError|TypeError|Transform failed/);
    expect(output).toMatch(/AssertionError|Property failed|TidemarkError/);
  });
}, 300_000);
