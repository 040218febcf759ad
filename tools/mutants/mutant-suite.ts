import { afterAll, describe, expect, it } from 'vitest';
import { type Mutant, Sandbox, type TestRun } from './sandbox.ts';

/** Holds tests to what they are there for: each mutant breaks one rule, and has to be caught. */
export function mutantSuite(name: string, mutants: readonly Mutant[], tests: TestRun): void {
  describe(`the tests of ${name}`, () => {
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
  }, 300_000);
}
