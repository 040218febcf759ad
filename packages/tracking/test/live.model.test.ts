import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lostIn, wrongAfterClose } from './support/judge.ts';
import { PLACES } from './support/places.ts';
import { around, LOSSES, play } from './support/play.ts';
import { steps } from './support/steps.ts';

const LIVE = { durability: 'live' } as const;
const makePlace = PLACES['store-qcow2']!;
const LIVE_PLACES = [
  ['store-memory', PLACES['store-memory']!],
  ['store-qcow2', makePlace],
] as const;

describe.each(LIVE_PLACES)('live bitmaps of a drive over %s', (_, makePlace) => {
  it('hold the truth after a close, and no more', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const { place, session } = await play(makePlace, all, LIVE);
        await session.close();
        expect(await wrongAfterClose(await place.find(), session.moments.at(-1)!)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it('are all there, sound and complete, when the process is killed', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const { place, session } = await play(makePlace, all, LIVE);
        const now = session.moments.slice(-1);
        for (const store of await place.find()) expect(await lostIn(store, now)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

describe('live bitmaps of a drive', () => {
  it('are never stale when the store fails', async () => {
    const fault = fc.record({
      kind: fc.constant('fail' as const),
      on: fc.constantFrom('change' as const, 'flush' as const),
      nth: fc.nat(60),
    });
    await fc.assert(
      fc.asyncProperty(steps, fault, async (all, planned) => {
        const { place, session } = await play(makePlace, all, { ...LIVE, faults: [planned] });
        await session.close();
        const now = session.moments.slice(-1);
        for (const store of await place.find()) expect(await lostIn(store, now)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});

describe.each(Object.entries(LOSSES))('a power cut that takes %s', (_, keeps) => {
  it('leaves each live bitmap there, sound and complete, wherever it falls', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.integer(), fc.boolean(), async (all, seed, closes) => {
        const { place, session } = await play(makePlace, all, LIVE);
        if (closes) await session.close();
        for (const [index, file] of place.files.entries()) {
          for (let at = 0; at <= file.events.length; at++) {
            const store = await file.openAfterCut(at, keeps(seed));
            const problems = await lostIn(store, around(session.moments, index, at));
            expect({ at, problems }).toEqual({ at, problems: [] });
          }
        }
      }),
      { numRuns: 20 },
    );
  });
});
