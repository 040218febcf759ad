import type { BlockDevice } from '@tidemark/block';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import { expect, it } from 'vitest';
import { CheckpointFolder, commitTogether, openCheckpointed } from '../src/index.ts';
import { outcomeOf } from './support/judge.ts';
import { DIRTY, makeFiles, openOn, partOf, PLACES, SET, stateOf } from './support/three-drives.ts';
import { FOLDER, VolatileFiles } from '../../../tools/device/volatile-files.ts';

/** The n-th thing that is done to a drive's file or to the folder, from the first prepare on. */
interface Failing {
  readonly where: number | 'folder';
  readonly nth: number;
}

async function attempt(failing: Failing | undefined) {
  const files = await makeFiles();
  const volatile = new VolatileFiles();
  const folder = new CheckpointFolder(`/${FOLDER}`, volatile);
  const faults = files.map((file) => withFault(file));
  const stores = [];
  for (const [index, { device }] of faults.entries()) {
    const { store } = await openOn(device, index);
    stores.push(await openCheckpointed(store, { folder, place: PLACES[index]! }));
  }
  const parts = [];
  for (const store of stores) parts.push(await partOf(store));
  let calls = 0;
  if (failing?.where === 'folder') {
    volatile.before = () => {
      if (calls++ === failing.nth) throw Object.assign(new Error('EIO'), { code: 'EIO' });
    };
  } else if (failing !== undefined) faults[failing.where]!.failAt(failing.nth);
  const error = await commitTogether(parts, { set: SET, folder }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  volatile.before = () => {};
  const hasFailed = calls > Number(failing?.nth) || faults.some((fault) => fault.hasFailed());
  const states = [];
  for (const round of [0, 1]) {
    for (const [index, file] of files.entries()) {
      const { store, close } = await openOn(file, index);
      const state = await stateOf(await openCheckpointed(store, { folder, place: PLACES[index]! }));
      if (round === 1) states.push(state);
      await close();
    }
  }
  const names = volatile.names.filter((name) => name.endsWith('.json'));
  return { error, states, names, hasFailed };
}

const CHANGES = new Set<PropertyKey>(['write', 'writeZeroes', 'resize', 'flush']);

/** The device, of which one change or flush can be told to fail. */
function withFault(file: BlockDevice) {
  let left = Infinity;
  const device = new Proxy(file, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      // All go the way on which one can fail.
      if (key === 'writeNow') return undefined;
      return async (...args: unknown[]): Promise<unknown> => {
        if (CHANGES.has(key) && left-- === 0) {
          throw new TidemarkError('IO_FAILED', 'a planned fault');
        }
        return Reflect.apply(value, target, args) as unknown;
      };
    },
  });
  return {
    device,
    failAt(nth: number) {
      left = nth;
    },
    hasFailed: () => left < 0,
  };
}

it('makes a checkpoint that all drives tell, and leaves no file', async () => {
  const { error, states, names } = await attempt(undefined);
  expect(error).toBeUndefined();
  expect(states).toEqual(DIRTY.map(() => ({ checkpoint: SET, lost: undefined, dirty: [] })));
  expect(names).toEqual([]);
});

it.each([0, 1, 2, 'folder'] as const)(
  'is on all drives or on none in the end, whatever fails on %s',
  async (where) => {
    const outcomes: string[] = [];
    for (let nth = 0; ; nth++) {
      const { error, states, names, hasFailed } = await attempt({ where, nth });
      const about = { where, nth };
      expect({ ...about, names }).toEqual({ ...about, names: [] });
      outcomes.push(outcomeOf(states));
      const hint = isTidemarkError(error) ? error.context.hint : undefined;
      const isTold = error === undefined || outcomes.at(-1) === 'undone' || /once more/.test(hint!);
      expect({ ...about, error, isTold }).toEqual({ ...about, error, isTold: true });
      if (!hasFailed) break;
    }
    expect(outcomes.at(-1)).toBe('made');
    expect([...new Set(outcomes)].sort()).toEqual(['made', 'undone']);
  },
);
