import fc from 'fast-check';
import { expect, it } from 'vitest';
import { outcomeOf } from './support/judge.ts';
import { type Disks, Recorded } from './support/recorded.ts';
import { lookAt, makeCheckpoint, recover } from './support/recovery.ts';
import { bitmapOf, DIRTY, makeFiles, OLD, openOn, SET } from './support/three-drives.ts';
import { type Survives, VolatileFiles } from '../../../tools/device/volatile-files.ts';

const LOSSES: readonly Survives[] = [() => false, () => true];

async function record(): Promise<Recorded> {
  const disks: Disks = { files: await makeFiles(), folder: new VolatileFiles() };
  const recorded = await Recorded.on(disks);
  await makeCheckpoint(recorded);
  return recorded;
}

it('is on all drives or on none, wherever the power fails, and once more in recovery', async () => {
  const recorded = await record();
  expect(await recover(recorded, [])).toEqual(
    DIRTY.map(() => ({ checkpoint: SET, lost: undefined, dirty: [] })),
  );
  expect(recorded.folder.names).toEqual([]);
  const outcomes: string[] = [];
  for (let moment = 0; moment < recorded.momentCount; moment++) {
    for (const [loss, survives] of LOSSES.entries()) {
      const again = await Recorded.on(await recorded.cut(moment, survives));
      const order = [
        [0, 1, 2],
        [2, 1, 0],
        [1, 2, 0],
      ][moment % 3]!;
      const found = await recover(again, order);
      outcomes.push(outcomeOf(found));
      expect(again.folder.names.filter((name) => name.endsWith('.json'))).toEqual([]);
      if (moment % 4 > 0) continue;
      for (let second = loss; second < again.momentCount; second += 3) {
        const third = await Recorded.on(await again.cut(second, survives));
        outcomes.push(outcomeOf(await recover(third, order)));
      }
    }
  }
  expect([...new Set(outcomes)].sort()).toEqual(['made', 'undone']);
  expect(outcomes.length).toBeGreaterThan(150);
});

it('is on all drives or on none, whatever the disks keep', async () => {
  const recorded = await record();
  await fc.assert(
    fc.asyncProperty(
      fc.nat(recorded.momentCount - 1),
      fc.infiniteStream(fc.boolean()),
      fc.shuffledSubarray([0, 1, 2], { minLength: 3 }),
      async (moment, coins, order) => {
        const survives = () => coins.next().value as boolean;
        const again = await Recorded.on(await recorded.cut(moment, survives));
        expect(['made', 'undone']).toContain(outcomeOf(await recover(again, order)));
      },
    ),
    { numRuns: 150 },
  );
});

it('tells no checkpoint of any drive before each of them was seen to', async () => {
  const recorded = await record();
  const seen: unknown[] = [];
  for (let moment = 0; moment < recorded.momentCount; moment++) {
    const again = await Recorded.on(await recorded.cut(moment, () => true));
    const isUnderWay = again.folder.names.some((name) => name.endsWith('.json'));
    const first = await lookAt(again, 0);
    await lookAt(again, 1);
    const twoOfThree = await lookAt(again, 0);
    for (const state of [first, twoOfThree]) seen.push([isUnderWay, tellsCheckpoint(state)]);
  }
  expect(seen).toContainEqual([true, 'checkpoint incomplete']);
  expect(seen).toContainEqual([false, true]);
  expect(seen).not.toContainEqual([true, true]);
  expect(seen).not.toContainEqual([false, 'checkpoint incomplete']);
});

/** Whether it does, or why it does not. */
function tellsCheckpoint(state: Awaited<ReturnType<typeof lookAt>>): unknown {
  return state?.checkpoint === undefined ? state?.lost : true;
}

it('keeps what is written to a drive between the crash and its recovery', async () => {
  const recorded = await record();
  const checkpoints = new Set<string | undefined>();
  for (let moment = 0; moment < recorded.momentCount; moment++) {
    const again = await Recorded.on(await recorded.cut(moment, () => true));
    for (const index of [0, 1]) await writeBehind(again, index);
    const [a, b] = await recover(again, [0, 1, 2]);
    for (const state of [a, b]) {
      checkpoints.add(state?.checkpoint);
      expect({ moment, dirty: state?.dirty }).toEqual({
        moment,
        dirty: expect.arrayContaining([9]),
      });
    }
  }
  expect(checkpoints).toEqual(new Set([OLD, SET]));
});

/** Somebody who knows of no folder writes to granule 9. */
async function writeBehind(disks: Recorded, index: number): Promise<void> {
  const { store, close } = await openOn(disks.devices[index]!, index);
  const content = bitmapOf([9]);
  content.merge((await store.acquire(['n'])).get('n')!);
  await store.commit([{ op: 'store', name: 'n', content }]);
  await close();
}
