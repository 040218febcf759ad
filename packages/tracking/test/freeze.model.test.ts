import { MemoryDevice } from '@tidemark/block';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { TrackedDrive } from '../src/index.ts';
import { bitsOf, created, GRANULE, SIZE, touch } from './support/drives.ts';
import { LiveImage } from './support/live-image.ts';

const granule = fc.nat(SIZE / GRANULE - 1);
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ op: fc.constant('write' as const), granule }) },
    { weight: 1, arbitrary: fc.constant({ op: 'freeze' as const }) },
    {
      weight: 1,
      arbitrary: fc.record({ op: fc.constant('release' as const), clear: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.constant({ op: 'narrow' as const }) },
  ),
  { maxLength: 40 },
);
type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never;

/** What a bitmap with freezes is, in sets of offsets. */
class Model {
  /** All that was written since the bitmap began. */
  written = new Set<number>();
  frozen:
    | { readonly id: string; readonly seen: Set<number>; readonly since: Set<number> }
    | undefined;

  get seen(): readonly number[] {
    return [...(this.frozen?.seen ?? this.written)].sort((a, b) => a - b);
  }

  async play(drive: TrackedDrive, step: Step): Promise<void> {
    const { frozen } = this;
    if (step.op === 'write') {
      const offset = step.granule * GRANULE;
      this.written.add(offset);
      frozen?.since.add(offset);
      await touch(drive, offset);
    } else if (step.op === 'narrow') {
      await drive.narrow();
    } else if (step.op === 'freeze') {
      if (frozen !== undefined) return;
      const id = await drive.freeze('n');
      this.frozen = { id, seen: new Set(this.written), since: new Set() };
    } else if (frozen !== undefined) {
      await drive.release({ name: 'n', id: frozen.id, clear: step.clear });
      if (step.clear) this.written = frozen.since;
      this.frozen = undefined;
    }
  }
}

it('A18: a bitmap that is frozen and released at will misses no write, at no moment', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const image = await LiveImage.with([created('n')]);
      const drive = await image.openDrive(new MemoryDevice({ size: SIZE }));
      const model = new Model();
      for (const step of all) {
        await model.play(drive, step);
        expect(await bitsOf(drive, 'n')).toEqual(model.seen);
        // As a crash would leave it now.
        const { state, dirty } = (await image.found())['n']!;
        expect(state).toBe('stored');
        expect(dirty).toEqual(expect.arrayContaining([...model.written]));
      }
      await drive.close();
      const { dirty } = (await image.found())['n']!;
      expect(dirty).toEqual([...model.written].sort((a, b) => a - b));
    }),
    { numRuns: 60 },
  );
});
