import type { Fault, Keeps } from '@tidemark/block/testing';
import { TidemarkError } from '@tidemark/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BitmapAction } from '../src/index.ts';
import { staleIn, wrongAfterClose } from './support/judge.ts';
import { type MakePlace, type Place, PLACES } from './support/places.ts';
import { type Moment, Session, type Step } from './support/session.ts';

const name = fc.constantFrom('a', 'b', 'c');

const action: fc.Arbitrary<BitmapAction> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('add' as const),
      name,
      persistent: fc.boolean(),
      disabled: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constantFrom(
        'remove' as const,
        'clear' as const,
        'enable' as const,
        'disable' as const,
      ),
      name,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('merge' as const),
      target: name,
      sources: fc.array(name, { maxLength: 2 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constant({
      op: 'abort' as const,
      error: new TidemarkError('CANCELLED', 'aborted'),
    }),
  },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      step: fc.constant('write' as const),
      kind: fc.constantFrom('write' as const, 'writeZeroes' as const, 'discard' as const),
      at: fc.nat(15),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      step: fc.constant('answer' as const),
      index: fc.nat(8),
      well: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      step: fc.constant('transact' as const),
      actions: fc.array(action, { minLength: 1, maxLength: 4 }),
      slow: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.constant<Step>({ step: 'join' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ step: 'reopen' }) },
);

// Without these most transactions would be refused, for there would be no bitmaps.
const START: Step = {
  step: 'transact',
  slow: false,
  actions: [
    { op: 'add', name: 'a', persistent: true },
    { op: 'add', name: 'b', persistent: true, disabled: true },
  ],
};

const steps = fc.array(step, { minLength: 4, maxLength: 24, size: 'max' });

async function play(
  makePlace: MakePlace,
  all: readonly Step[],
  faults: readonly Fault[] = [],
): Promise<{ readonly place: Place; readonly session: Session }> {
  const place = await makePlace(faults);
  const session = new Session(place, { mayFail: faults.length > 0 });
  await session.open();
  for (const one of [START, ...all]) await session.take(one);
  return { place, session };
}

/** The moments that a power cut after so many events of a file falls between. */
function around(moments: readonly Moment[], file: number, at: number): readonly Moment[] {
  const first = moments.findLastIndex(({ events }) => events[file]! <= at);
  const last = moments.findIndex(({ events }) => events[file]! >= at);
  return moments.slice(Math.min(first, last), Math.max(first, last) + 1);
}

describe.each(Object.entries(PLACES))('a tracked drive over %s', (_, makePlace) => {
  it('stores what was written, and no more, however writes and transactions overlap', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const { place, session } = await play(makePlace, all);
        await session.close();
        expect(await wrongAfterClose(await place.find(), session.moments.at(-1)!)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it('leaves nothing stale when it is killed', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const { place, session } = await play(makePlace, all);
        const now = session.moments.slice(-1);
        for (const store of await place.find()) expect(await staleIn(store, now)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it('leaves nothing stale when a store fails', async () => {
    const fault = fc.record({
      kind: fc.constant('fail' as const),
      on: fc.constantFrom('change' as const, 'flush' as const),
      nth: fc.nat(60),
    });
    await fc.assert(
      fc.asyncProperty(steps, fault, async (all, planned) => {
        const { place, session } = await play(makePlace, all, [planned]);
        await session.close();
        const now = session.moments.slice(-1);
        for (const store of await place.find()) expect(await staleIn(store, now)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

/** What a disk has of that which no flush covers: all, nothing, some writes, or parts of them. */
const LOSSES: Readonly<Record<string, (seed: number) => Keeps>> = {
  nothing: () => () => true,
  'all that was not flushed': () => () => false,
  'some writes': (seed) => (event) => chance(seed, event),
  'parts of writes': (seed) => (event) => (sector) => chance(seed, event * 1000 + sector),
};

function chance(seed: number, of: number): boolean {
  return (Math.imul(of + 1, seed | 1) & 4096) === 0;
}

const FILES = Object.entries(PLACES).slice(1);
const CUTS = FILES.flatMap(([name, makePlace]) =>
  Object.entries(LOSSES).map(([lost, keeps]) => ({ name, makePlace, lost, keeps })),
);

describe.each(CUTS)('a power cut under $name that takes $lost', ({ makePlace, keeps }) => {
  it('leaves each bitmap complete or not clean, wherever it falls', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.integer(), fc.boolean(), async (all, seed, closes) => {
        const { place, session } = await play(makePlace, all);
        if (closes) await session.close();
        for (const [index, file] of place.files.entries()) {
          for (let at = 0; at <= file.events.length; at++) {
            const store = await file.openAfterCut(at, keeps(seed));
            const problems = await staleIn(store, around(session.moments, index, at));
            expect({ at, problems }).toEqual({ at, problems: [] });
          }
        }
      }),
      { numRuns: 20 },
    );
  });
});
