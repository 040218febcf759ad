import { describe, expect, it } from 'vitest';
import type { Mutant } from './mutant.ts';
import { LOADED } from './mutant-of-this-run.ts';
import { runBroken, type TestRun } from './run-broken.ts';

interface SuiteRun extends TestRun {
  /**
   * How many mutants are tried unless all are asked for; each takes seconds. Default: all. Of the rules of
   * crash safety most are, of others one or none: a fault there is no stale bitmap.
   */
  readonly usually?: number;
}

/** Holds tests to what they are there for: each mutant breaks one rule, and has to be caught. */
export function mutantSuite(name: string, all: readonly Mutant[], tests: SuiteRun): void {
  const areAll = process.env['MUTANTS'] === 'all';
  const mutants = areAll ? all : all.slice(0, tests.usually);
  if (mutants.length < all.length) {
    console.info(`${mutants.length} of ${all.length} mutants of ${name}; MUTANTS=all tries all`);
  }
  if (mutants.length === 0) return;
  describe(`the tests of ${name}`, () => {
    // Where not all are tried, the same test run has the tests themselves beside this one.
    const untouched = areAll ? [undefined] : [];
    it.for(untouched)('pass as they are', async (none) => {
      const { failed, output } = await runBroken(none, tests);
      expect(failed, output).toBe(false);
    });

    it.each(mutants)('fail where $name', async (mutant) => {
      const { failed, output } = await runBroken(mutant, tests);
      expect(failed).toBe(true);
      // Of tests that never load the source, one that fails now and then would pass for a find.
      expect(output).toContain(LOADED);
      // By what they are there for, not because the mutant cannot run.
      expect(output).not.toMatch(/SyntaxError|ReferenceError|TypeError|Transform failed/);
      expect(output).toMatch(/AssertionError|Property failed|TidemarkError|"problems": \[$/m);
    });
  }, 300_000);
}
