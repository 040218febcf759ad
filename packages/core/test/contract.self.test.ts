// The contract is worth what it refuses: each store here has one fault, and has to be caught by the
// case that is there for it. A case that no fault sets off would be one that cannot fail.
import { describe, expect, it } from 'vitest';
import { BROKEN_COMMITS } from './support/broken-commits.ts';
import { BROKEN_CONTENT } from './support/broken-content.ts';
import { BROKEN_DIRECTORY } from './support/broken-directory.ts';
import { BROKEN_LIFECYCLES } from './support/broken-lifecycles.ts';
import { BROKEN_STATES } from './support/broken-states.ts';
import { type ContractRun, runContract } from './support/run-contract.ts';
import { makeDisk, openSound } from './support/sound-store.ts';

const BROKEN = [
  ...BROKEN_CONTENT,
  ...BROKEN_DIRECTORY,
  ...BROKEN_STATES,
  ...BROKEN_COMMITS,
  ...BROKEN_LIFECYCLES,
];

async function runSound(): Promise<ContractRun> {
  return runContract(async (diskSize) => {
    const disk = makeDisk(diskSize);
    return {
      open: (options) => openSound(disk, options?.writable),
      crash: async () => {},
      destroy: async () => {},
    };
  });
}

describe('the contract', () => {
  it('passes a sound store', async () => {
    const { cases, failed } = await runSound();
    expect(failed).toEqual([]);
    expect(cases.length).toBeGreaterThan(50);
  });

  for (const { fault, caughtBy, makeFixture } of BROKEN) {
    it(`refuses a store that ${fault}`, async () => {
      expect((await runContract(makeFixture)).failed).toContain(caughtBy);
    });
  }

  it('has no case that no fault is there for', async () => {
    const { cases } = await runSound();
    const caughtBy = new Set(BROKEN.map((broken) => broken.caughtBy));
    expect(cases.filter((name) => !caughtBy.has(name))).toEqual([]);
  });
});
