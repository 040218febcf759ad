import { expect, it } from 'vitest';
import { Recorded } from './support/recorded.ts';
import { makeCheckpoint, recover } from './support/recovery.ts';
import { makeFiles, OLD, SET } from './support/three-drives.ts';
import { VolatileFiles } from '../../../tools/device/volatile-files.ts';

/** So long that the header of the first image has no room for a checkpoint. */
const LONG = 'b'.repeat(200);
const NO_ROOM = 'the header of its image has no room to keep it';

async function record(): Promise<Recorded> {
  const files = await makeFiles({ backing: LONG });
  const recorded = await Recorded.on({ files, folder: new VolatileFiles() });
  await makeCheckpoint(recorded);
  return recorded;
}

it('makes a checkpoint over a drive that has no room for one, and says why that tells none', async () => {
  const dirty: number[] = [];
  expect(await recover(await record(), [])).toEqual([
    { checkpoint: undefined, lost: NO_ROOM, dirty },
    { checkpoint: SET, lost: undefined, dirty },
    { checkpoint: SET, lost: undefined, dirty },
  ]);
});

it('is on the other drives or on none, wherever the power fails', async () => {
  const recorded = await record();
  const outcomes = new Set<string | undefined>();
  for (let moment = 0; moment < recorded.momentCount; moment++) {
    for (const survives of [() => false, () => true]) {
      const again = await Recorded.on(await recorded.cut(moment, survives));
      const [first, second, third] = await recover(again, [0, 1, 2]);
      expect({ moment, first }).toMatchObject({
        moment,
        first: { checkpoint: undefined, lost: NO_ROOM },
      });
      outcomes.add(second?.checkpoint);
      const told = second?.checkpoint === SET ? SET : undefined;
      expect({ moment, third: third?.checkpoint }).toEqual({ moment, third: told });
      expect(again.folder.names.filter((name) => name.endsWith('.json'))).toEqual([]);
    }
  }
  expect(outcomes).toEqual(new Set([OLD, SET]));
});
