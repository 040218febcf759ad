import { acquireCases } from './acquire.ts';
import { atRestCases } from './at-rest.ts';
import { checkpointCases } from './checkpoints.ts';
import { commitCases } from './commit.ts';
import { contentCases } from './content.ts';
import { type Cases, casesOf } from './contract-case.ts';
import { directoryCases } from './directory.ts';
import type { ContractOptions, MakeStoreFixture, TestRunner } from './fixture.ts';
import { inconsistentCases } from './inconsistent.ts';
import { lifecycleCases } from './lifecycle.ts';
import { liveAcquireCases } from './live-acquire.ts';
import { liveBitsCases } from './live-bits.ts';
import { liveCommitCases } from './live-commit.ts';
import { livePrepareCases } from './live-prepare.ts';
import { liveReleaseCases } from './live-release.ts';
import { nameCases } from './names.ts';
import { noLiveCases } from './no-live.ts';
import { orderOfCallsCases } from './order-of-calls.ts';
import { prepareCases } from './prepare.ts';
import { fixedSizeCases, liveResizeCases, resizeCases } from './resize.ts';

/**
 * What every `BitmapStore` owes to those who use it, as cases for a test runner that is handed in.
 * A plugin calls this in a test of its own; nothing in it can be left out.
 */
export function bitmapStoreContract(
  name: string,
  runner: TestRunner,
  makeFixture: MakeStoreFixture,
  { crashLeaves, resizes = true }: ContractOptions,
): void {
  const cases = casesOf(runner, makeFixture);
  runner.describe(`${name}: BitmapStore contract`, () => {
    runner.describe('content', () => contentCases(cases));
    runner.describe('directory', () => directoryCases(cases));
    runner.describe('names', () => nameCases(cases));
    runner.describe('acquire', () => acquireCases(cases));
    runner.describe('inconsistent bitmaps', () => inconsistentCases(cases));
    runner.describe('commit', () => commitCases(cases));
    runner.describe('bitmaps at rest', () => atRestCases(cases));
    runner.describe('prepare', () => prepareCases(cases));
    runner.describe('checkpoints', () => checkpointCases(cases));
    runner.describe('lifecycle', () => lifecycleCases(cases));
    runner.describe('order of calls', () => orderOfCallsCases(cases));
    runner.describe('resize', () => (resizes ? resizeCases(cases) : fixedSizeCases(cases)));
    if (crashLeaves === 'superset' && resizes) {
      runner.describe('resize of live bitmaps', () => liveResizeCases(cases));
    }
    if (crashLeaves === 'inconsistent') runner.describe('no live', () => noLiveCases(cases));
    else runner.describe('live', () => liveCases(cases));
  });
}

function liveCases(cases: Cases): void {
  liveAcquireCases(cases);
  liveBitsCases(cases);
  liveCommitCases(cases);
  livePrepareCases(cases);
  liveReleaseCases(cases);
}
