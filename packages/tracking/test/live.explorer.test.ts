import { describe, expect, it } from 'vitest';
import { Census, OPERATIONS } from './explorer/census.ts';
import { explore } from './explorer/explorer.ts';
import { imageSetting } from './explorer/image-setting.ts';
import { exploreSeveralDrives } from './explorer/several-drives.ts';
import { sidecarSetting } from './explorer/sidecar-setting.ts';

// How many disks that differ are looked at, of each kind; CI wants 21,000 (.ci/run). The long form:
// tools/crash/explore.ts.
const STATES = Number(process.env['EXPLORER_STATES'] ?? 2500);
/** Of them that are of several drives. */
const SEVERAL = 0.024;
const FIRST_SEED = Number(process.env['EXPLORER_SEED'] ?? 1);

describe('crash states of drives with live bitmaps', () => {
  const distinct = new Set<number>();
  const census = new Census(distinct);

  it.each([
    ['a qcow2 image', imageSetting],
    ['a raw drive with a sidecar', sidecarSetting],
  ])(
    'never hold a bitmap that is stale, lost or not sound (%s)',
    async (_name, setting) => {
      const enough = distinct.size + STATES;
      for (let seed = FIRST_SEED; distinct.size < enough; seed++) {
        const { problems } = await explore({ seed, steps: 120, cuts: 40, setting, census });
        expect(problems).toEqual([]);
      }
    },
    3_600_000,
  );

  it('never differ between several drives that tell a checkpoint', async () => {
    const enough = Math.ceil(distinct.size * SEVERAL);
    const seen = { made: 0, differing: 0, finished: 0 };
    const count = () => census.during['several drives'] ?? 0;
    // Others than those of several-drives.explorer.test.ts.
    for (let seed = FIRST_SEED + 100_000; count() < enough; seed++) {
      expect(await exploreSeveralDrives({ seed, steps: 200, cuts: 20, census, seen })).toEqual([]);
    }
  }, 3_600_000);

  it('differ, and are of each operation', () => {
    const { looks, during } = census;
    console.info(`${distinct.size} of ${looks} crash states differ: ${JSON.stringify(during)}`);
    for (const name of OPERATIONS) {
      expect((during[name] ?? 0) / distinct.size, name).toBeGreaterThan(0.02);
    }
  });
});
