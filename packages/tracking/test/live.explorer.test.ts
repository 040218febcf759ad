import { describe, expect, it } from 'vitest';
import { explore } from './explorer/explorer.ts';
import { imageSetting } from './explorer/image-setting.ts';
import { sidecarSetting } from './explorer/sidecar-setting.ts';

// The long form: EXPLORER_RUNS=20000 vitest run --project tracking explorer
const RUNS = Number(process.env['EXPLORER_RUNS'] ?? 40);
const FIRST = Number(process.env['EXPLORER_SEED'] ?? 1);

describe.each([
  ['a qcow2 image', imageSetting],
  ['a raw drive with a sidecar', sidecarSetting],
])('crash states of %s with live bitmaps', (name, setting) => {
  it('never hold a bitmap that is stale, lost or not sound', async () => {
    let states = 0;
    const during: Record<string, number> = {};
    for (let seed = FIRST; seed < FIRST + RUNS; seed++) {
      const result = await explore({ seed, steps: 120, cuts: 40, setting });
      expect(result.problems).toEqual([]);
      states += result.states;
      for (const [what, count] of Object.entries(result.during)) {
        during[what] = (during[what] ?? 0) + count;
      }
    }
    console.info(`${name}: ${states} crash states: ${JSON.stringify(during)}`);
    expect(states).toBeGreaterThan(RUNS * 50);
  }, 3_600_000);
});
