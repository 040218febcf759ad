// The contract is worth what it refuses: each store here has one fault, and has to be caught by the
// case that is there for it. A case that no fault sets off would be one that cannot fail.
import { describe, expect, it } from 'vitest';
import { createBitmapStore } from '../src/create-bitmap-store.ts';
import { BROKEN_AT_REST } from './support/broken-at-rest.ts';
import { BROKEN_CHECKPOINTS } from './support/broken-checkpoints.ts';
import { BROKEN_COMMITS } from './support/broken-commits.ts';
import { BROKEN_CONTENT } from './support/broken-content.ts';
import { BROKEN_DIRECTORY } from './support/broken-directory.ts';
import { BROKEN_LIFECYCLES } from './support/broken-lifecycles.ts';
import { BROKEN_LIVE_BITS } from './support/broken-live-bits.ts';
import { BROKEN_LIVE } from './support/broken-live.ts';
import { BROKEN_PREPARE } from './support/broken-prepare.ts';
import { BROKEN_RESIZES } from './support/broken-resizes.ts';
import { BROKEN_STATES } from './support/broken-states.ts';
import { fixtureOf } from './support/broken-store.ts';
import { type ContractRun, runContract } from './support/run-contract.ts';
import { losePower, makeLiveDisk, openSoundLive } from './support/sound-live-store.ts';
import { makeDisk, openSound, soundBackend } from './support/sound-store.ts';

const BROKEN = [
  ...BROKEN_CONTENT,
  ...BROKEN_DIRECTORY,
  ...BROKEN_STATES,
  ...BROKEN_COMMITS,
  ...BROKEN_AT_REST,
  ...BROKEN_PREPARE,
  ...BROKEN_CHECKPOINTS,
  ...BROKEN_LIFECYCLES,
  ...BROKEN_RESIZES,
  ...BROKEN_LIVE,
  ...BROKEN_LIVE_BITS,
];

const SOUND = {
  inconsistent: fixtureOf(makeDisk, openSound),
  superset: fixtureOf(makeLiveDisk, openSoundLive, losePower),
} as const;
const KINDS = ['inconsistent', 'superset'] as const;

const FIXED_SIZE = fixtureOf(makeDisk, async (disk, writable) => {
  const { resizing: _, ...backend } = soundBackend(disk, writable);
  return createBitmapStore(backend);
});

async function runSound(crashLeaves: (typeof KINDS)[number]): Promise<ContractRun> {
  return runContract(SOUND[crashLeaves], { crashLeaves });
}

describe('the contract', () => {
  it.each(KINDS)('passes a sound store of which a crash leaves bitmaps %s', async (kind) => {
    const { cases, failed } = await runSound(kind);
    expect(failed).toEqual([]);
    expect(cases.length).toBeGreaterThan(50);
  });

  for (const { fault, caughtBy, crashLeaves, makeFixture } of BROKEN) {
    it(`refuses a store that ${fault}`, async () => {
      expect((await runContract(makeFixture, { crashLeaves })).failed).toContain(caughtBy);
    });
  }

  it('wants of a store of one size that it says so', async () => {
    const options = { crashLeaves: 'inconsistent', resizes: false } as const;
    const { cases, failed } = await runContract(FIXED_SIZE, options);
    expect(failed).toEqual([]);
    const refusal = 'says that its disk has one size, and refuses another';
    expect(cases).toContain(refusal);
    expect((await runContract(SOUND.inconsistent, options)).failed).toEqual([refusal]);
  });

  it.each(KINDS)('has no case that no fault is there for, where it is %s', async (kind) => {
    const { cases } = await runSound(kind);
    const caughtBy = new Set(BROKEN.map((broken) => broken.caughtBy));
    expect(cases.filter((name) => !caughtBy.has(name))).toEqual([]);
  });
});
