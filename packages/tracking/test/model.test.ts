import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { staleIn, wrongAfterClose } from './support/judge.ts';
import { PLACES } from './support/places.ts';
import { around, LOSSES, play } from './support/play.ts';
import { steps } from './support/steps.ts';

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
        const { place, session } = await play(makePlace, all, { faults: [planned] });
        await session.close();
        const now = session.moments.slice(-1);
        for (const store of await place.find()) expect(await staleIn(store, now)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

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
