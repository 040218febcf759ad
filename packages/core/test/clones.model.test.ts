import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DirtyBitmap } from '../src/index.ts';

const GRANULARITY = 512;
/** Two chunks and a part of one. */
const GRANULES = 2 * 32_768 + 100;
const BYTES = Math.ceil(GRANULES / 64) * 8;

/** A bitmap, and what it has to hold: a byte for each granule. */
interface Modelled {
  readonly real: DirtyBitmap;
  readonly naive: Uint8Array;
}

type Change =
  | { readonly op: 'write'; readonly at: number; readonly count: number; readonly dirty: boolean }
  | { readonly op: 'merge' | 'load'; readonly from: number }
  | { readonly op: 'clone' };
type Step = Change & { readonly of: number };

const index = fc.nat({ max: 3 });
// Few places, so that what is shared is changed, and whole chunks now and then.
const at = fc.constantFrom(0, 7, 32_760, 32_768, 40_000, 65_536);
const count = fc.oneof(
  { arbitrary: fc.integer({ min: 1, max: 300 }), weight: 5 },
  { arbitrary: fc.constantFrom(32_768, GRANULES), weight: 1 },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ op: fc.constant('write' as const), of: index, at, count, dirty: fc.boolean() }),
  fc.record({ op: fc.constantFrom('merge' as const, 'load' as const), of: index, from: index }),
  fc.record({ op: fc.constant('clone' as const), of: index }),
);

function take(all: Modelled[], made: Step): void {
  const { real, naive } = all[made.of % all.length]!;
  if (made.op === 'clone') {
    all.push({ real: real.clone(), naive: naive.slice() });
  } else if (made.op === 'write') {
    const end = Math.min(GRANULES, made.at + made.count);
    const offset = made.at * GRANULARITY;
    const length = (end - made.at) * GRANULARITY;
    if (made.dirty) real.set(offset, length);
    else real.reset(offset, length);
    naive.fill(made.dirty ? 1 : 0, made.at, end);
  } else {
    const source = all[made.from % all.length]!;
    if (made.op === 'merge') {
      real.merge(source.real);
      for (let bit = 0; bit < GRANULES; bit++) naive[bit]! |= source.naive[bit]!;
    } else {
      real.deserialize(bytesOf(source));
      naive.set(source.naive);
    }
  }
}

function newOne(): Modelled {
  const real = new DirtyBitmap(GRANULES * GRANULARITY, GRANULARITY);
  return { real, naive: new Uint8Array(GRANULES) };
}

function bytesOf({ naive }: Modelled): Uint8Array {
  const bytes = new Uint8Array(BYTES);
  for (let bit = 0; bit < GRANULES; bit++) bytes[bit >> 3]! |= naive[bit]! << (bit & 7);
  return bytes;
}

function read({ real }: Modelled): Uint8Array {
  const bytes = new Uint8Array(BYTES);
  real.serialize(bytes);
  return bytes;
}

describe('bitmaps that come of each other', () => {
  it('change alone, whatever they share', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
        const all: Modelled[] = [newOne(), newOne()];
        for (const each of steps) take(all, each);
        for (const each of all) {
          expect(Buffer.compare(read(each), bytesOf(each))).toBe(0);
          expect(each.real.count).toBe(each.naive.reduce((sum, bit) => sum + bit, 0));
        }
      }),
      { numRuns: 100 },
    );
  });
});
