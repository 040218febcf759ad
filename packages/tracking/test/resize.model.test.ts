import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GRANULE, SIZE } from './support/drives.ts';
import { RESIZED_PLACES, ResizedDrive, type ResizeStep } from './support/resized-drive.ts';

/** Sectors: less and more than the drive begins with, and some that end inside a granule. */
const MAX_SECTORS = (2 * SIZE) / 512;

const write = fc.record({
  step: fc.constant('write' as const),
  granule: fc.nat(2 * (SIZE / GRANULE)),
  count: fc.integer({ min: 1, max: 3 }),
});
const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: write },
    {
      weight: 4,
      arbitrary: fc.record({
        step: fc.constant('resize' as const),
        sectors: fc.oneof(fc.integer({ min: 1, max: MAX_SECTORS }), fc.constant(SIZE / 512)),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        step: fc.constant('clear' as const),
        name: fc.constantFrom('on' as const, 'off' as const),
      }),
    },
    { weight: 1, arbitrary: fc.constant<ResizeStep>({ step: 'narrow' }) },
    { weight: 1, arbitrary: fc.constant<ResizeStep>({ step: 'reopen' }) },
  ),
  { minLength: 3, maxLength: 16, size: 'max' },
);

describe.each(Object.entries(RESIZED_PLACES))(
  'a drive over %s that is resized at will',
  (_, makePlace) => {
    it('has dirty what was written and what was added, and no more', async () => {
      await fc.assert(
        fc.asyncProperty(steps, async (all) => {
          const drive = await ResizedDrive.on(await makePlace());
          for (const step of all) {
            await drive.take(step);
            expect(await drive.now()).toEqual(drive.owed);
          }
          expect(await drive.missed()).toEqual([]);
          const { on, off } = drive.owed;
          expect(await drive.stored()).toEqual({ on, off });
        }),
        { numRuns: 100 },
      );
    });
  },
);
