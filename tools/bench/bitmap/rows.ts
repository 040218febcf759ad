import { DirtyBitmap } from '@tidemark/core';
import { randomBitmap } from '../random-bitmap.ts';

const MIB = 2 ** 20;
const GRANULARITY = 65_536;
const SIZE = 32 * MIB * 8 * GRANULARITY;
const MARKS = 1_000_000;

export interface Row {
  readonly what: string;
  readonly target: string;
  /** Makes what it needs; called once, so that one row's memory is gone when the next begins. */
  readonly make: () => Prepare;
}

/** Gives what is measured; what it is done to is made anew outside of the measurement. */
type Prepare = () => () => void;

const percent = (density: number) => `${Number((density * 100).toPrecision(3))} %`;
const bitmap = (density: number, seed: number, granularity = GRANULARITY) =>
  randomBitmap({ size: SIZE, granularity, density, seed });

/** A bitmap that gets its bits back each time, in memory that is there already. */
function restored(content: DirtyBitmap): () => DirtyBitmap {
  const bytes = new Uint8Array(content.serializedLength);
  content.serialize(bytes);
  const target = new DirtyBitmap(SIZE, content.granularity);
  return () => {
    target.deserialize(bytes);
    return target;
  };
}

/** `from` is merged into a bitmap of `to` bytes a bit that has as many bits set. */
function merge(
  what: string,
  target: string,
  density: number,
  [from, to]: readonly [number, number] = [1, 1],
): Row {
  return {
    what: `${what}, ${percent(density)}`,
    target,
    make: () => {
      const other = bitmap(density, 1, from * GRANULARITY);
      const restore = restored(bitmap(density, 2, to * GRANULARITY));
      return () => {
        const merged = restore();
        return () => merged.merge(other);
      };
    },
  };
}

function enumerate(density: number): Row {
  return {
    what: `A4 list dirty ranges, ${percent(density)}`,
    target: '–',
    make: () => {
      const listed = bitmap(density, 3);
      return () => () => {
        let dirty = 0;
        for (const { length } of listed.dirtyExtents()) dirty += length;
        if (dirty !== listed.dirtyBytes) throw new Error('ranges are missing');
      };
    },
  };
}

const load = (what: string, target: string, isNew: boolean): Row => ({
  what,
  target,
  make: () => {
    const half = bitmap(0.5, 4);
    const bytes = new Uint8Array(half.serializedLength);
    half.serialize(bytes);
    return () => {
      const loaded = isNew ? new DirtyBitmap(SIZE, GRANULARITY) : half;
      return () => loaded.deserialize(bytes);
    };
  },
});

function mark(what: string, isTouched: boolean): Row {
  return {
    what,
    target: '≤ 50 ns each',
    make: () => {
      const places = Float64Array.from({ length: MARKS }, () => Math.floor(Math.random() * SIZE));
      const touched = new DirtyBitmap(SIZE, GRANULARITY);
      // No chunk is all clear, so that each has its memory.
      touched.deserialize(new Uint8Array(touched.serializedLength).fill(1));
      const restore = restored(touched);
      return () => {
        const marked = isTouched ? restore() : new DirtyBitmap(SIZE, GRANULARITY);
        return () => {
          for (const place of places) marked.set(place, 1);
        };
      };
    },
  };
}

export const ROWS: readonly Row[] = [
  load('A1 load and count, 50 %', '≥ 1.0', false),
  load('the same into new memory', '–', true),
  ...[0.5, 0.05, 0.001].map((density) => merge('A2 merge', '≥ 0.7', density)),
  merge('A2 merge', '–', 1e-6),
  {
    what: 'A2 merge into a copy, 50 %',
    target: '–',
    make: () => {
      const [other, own] = [bitmap(0.5, 1), bitmap(0.5, 2)];
      return () => {
        const merged = own.clone();
        return () => merged.merge(other);
      };
    },
  },
  ...[0.5, 0.001].flatMap((density) => [
    merge('A3 merge to 2× coarser', '–', density, [1, 2]),
    merge('A3 merge to 16× coarser', '–', density, [1, 16]),
    merge('A3 merge from 2× coarser', '–', density, [2, 1]),
  ]),
  ...[1e-6, 0.001, 0.05, 0.999].map(enumerate),
  mark(`A5 mark ${MARKS} random writes`, true),
  mark('the same into new memory', false),
];
