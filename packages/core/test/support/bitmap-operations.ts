import fc from 'fast-check';
import { DirtyBitmap } from '../../src/dirty-bitmap.ts';
import { NaiveBitmap } from './naive-bitmap.ts';

/** A bitmap and what it should be. */
export interface Pair {
  readonly real: DirtyBitmap;
  readonly naive: NaiveBitmap;
}

export interface Operation {
  readonly name: string;
  readonly run: (pair: Pair, limits: Limits) => void;
}

/** What sizes a run of operations moves within. */
interface Limits {
  readonly maxGranules: number;
}

export function makePair(diskSize: number, granularity: number): Pair {
  return {
    real: new DirtyBitmap(diskSize, granularity),
    naive: new NaiveBitmap(diskSize, granularity),
  };
}

/** Picks a number up to a maximum that is known later; near multiples of a unit half the time. */
export type Place = (max: number, unit: number) => number;

export const place: fc.Arbitrary<Place> = fc
  .record({
    isEdge: fc.boolean(),
    seed: fc.nat({ max: 2 ** 31 - 1 }),
    off: fc.integer({ min: -1, max: 1 }),
  })
  .map(({ isEdge, seed, off }) => {
    return (max, unit) => {
      const edge = (seed % (Math.floor(max / unit) + 2)) * unit + off;
      return Math.min(max, Math.max(0, isEdge ? edge : seed % (max + 1)));
    };
  });

/** Of bits in a chunk, so that operations meet at the ends of chunks too. */
const CHUNK = 32_768;
const unitOf = ({ real }: Pair): number =>
  real.length > CHUNK ? CHUNK * real.granularity : real.granularity;

const range = fc.tuple(place, place);

function rangeIn([first, second]: readonly [Place, Place], pair: Pair): [number, number] {
  const a = first(pair.real.diskSize, unitOf(pair));
  const b = second(pair.real.diskSize, pair.real.granularity);
  return [Math.min(a, b), Math.abs(a - b)];
}

const setting = range.map((places): Operation => ({
  name: 'set',
  run(pair) {
    const [offset, length] = rangeIn(places, pair);
    pair.real.set(offset, length);
    pair.naive.set(offset, length);
  },
}));

const resetting = fc.tuple(range, fc.boolean()).map(([places, toEnd]): Operation => ({
  name: 'reset',
  run(pair) {
    const { real, naive } = pair;
    const [offset, length] = rangeIn(places, pair);
    const from = Math.floor(offset / real.granularity);
    const to = toEnd ? real.length : Math.floor((offset + length) / real.granularity);
    if (to <= from) return;
    const end = Math.min(to * real.granularity, real.diskSize);
    real.reset(from * real.granularity, end - from * real.granularity);
    naive.fill(from, to, false);
  },
}));

const whole = fc.constantFrom('clear', 'setAll').map((name): Operation => ({
  name,
  run({ real, naive }) {
    if (name === 'clear') real.clear();
    else real.setAll();
    naive.fill(0, naive.bits.length, name === 'setAll');
  },
}));

const resizing = fc.tuple(place, fc.constantFrom('dirty', 'clean')).map(([size, grown]) => ({
  name: `resize ${grown}`,
  run(pair: Pair, { maxGranules }: Limits) {
    const diskSize = size(maxGranules * pair.real.granularity, unitOf(pair));
    pair.real.resize(diskSize, { grown });
    pair.naive.resize(diskSize, grown);
  },
}));

const merging = fc
  .tuple(fc.integer({ min: -3, max: 3 }), fc.array(range, { maxLength: 4 }), fc.boolean())
  .map(([shift, ranges, isInverse]): Operation => ({
    name: `merge ${shift}`,
    run(pair, { maxGranules }) {
      const { diskSize } = pair.real;
      const finest = maxGranules > 1000 ? pair.real.granularity / 2 : 512;
      const granularity = Math.max(512, finest, pair.real.granularity * 2 ** shift);
      const source = makePair(diskSize, granularity);
      for (const places of ranges) {
        const [offset, length] = rangeIn(places, source);
        source.real.set(offset, length);
        source.naive.set(offset, length);
      }
      if (isInverse) invert(source);
      pair.real.merge(source.real);
      pair.naive.merge(source.naive);
    },
  }));

function invert({ real, naive }: Pair): void {
  naive.bits = naive.bits.map((dirty) => !dirty);
  real.deserialize(naive.bytes());
}

const filling = fc.tuple(range, fc.boolean()).map(([places, dirty]): Operation => ({
  name: 'fill',
  run({ real, naive }) {
    const [at, length] = bytesIn(places, real);
    real.fill(at, length, dirty);
    naive.fill(at * 8, (at + length) * 8, dirty);
  },
}));

const deserializing = fc
  .tuple(range, fc.constantFrom(0x00, 0xff, 0xa5, 0x01))
  .map(([places, byte]): Operation => ({
    name: 'deserialize',
    run(pair) {
      const [at, length] = bytesIn(places, pair.real);
      deserialize(pair, new Uint8Array(length).fill(byte), at);
    },
  }));

export function deserialize({ real, naive }: Pair, bytes: Uint8Array, at = 0): void {
  real.deserialize(bytes, at);
  for (const [i, byte] of bytes.entries()) {
    for (let bit = 0; bit < 8; bit++) {
      const index = (at + i) * 8 + bit;
      naive.fill(index, index + 1, Math.floor(byte / 2 ** bit) % 2 === 1);
    }
  }
}

/** A part of the serialised form, or a little more than there is of it. */
export function bytesIn(
  [first, second]: readonly [Place, Place],
  real: DirtyBitmap,
): [number, number] {
  const a = first(real.serializedLength + 9, 4096);
  const b = second(real.serializedLength + 9, 8);
  return [Math.min(a, b), Math.abs(a - b)];
}

export const operation: fc.Arbitrary<Operation> = fc.oneof(
  { arbitrary: setting, weight: 5 },
  { arbitrary: resetting, weight: 4 },
  { arbitrary: whole, weight: 1 },
  { arbitrary: resizing, weight: 2 },
  { arbitrary: merging, weight: 2 },
  { arbitrary: filling, weight: 2 },
  { arbitrary: deserializing, weight: 2 },
);
