// What bitmaps of 32 MiB of bits cost in memory, beside a copy of as many bytes in the same round:
//   pnpm bench bitmap [ROUNDS]
// docs/performance.md has the last figures.
import { cpus, loadavg } from 'node:os';
import { DirtyBitmap } from '@tidemark/core';
import { median } from './passes.ts';
import { randomBitmap } from './random-bitmap.ts';

const ROUNDS = Number(process.argv[2] ?? '7');
const MIB = 2 ** 20;
const GRANULARITY = 65_536;
const SIZE = 32 * MIB * 8 * GRANULARITY;
const MARKS = 1_000_000;
const MAX_ROW_MS = 20_000;
const percent = (density: number) => `${Number((density * 100).toPrecision(3))} %`;

interface Row {
  readonly what: string;
  readonly target: string;
  /** What is measured; what it is done to is made anew outside of the measurement. */
  readonly prepare: () => () => void;
}

const source = new Uint8Array(32 * MIB).fill(0x5a);
const copy = new Uint8Array(source.length);

function time(work: () => void): number {
  const began = performance.now();
  work();
  return performance.now() - began;
}

const bitmap = (density: number, seed: number, granularity = GRANULARITY) =>
  randomBitmap({ size: SIZE, granularity, density, seed });

/** `from` is merged into a bitmap of `to` bytes a bit that has as many bits set. */
function merge(what: string, target: string, density: number, [from, to]: readonly number[]): Row {
  const other = bitmap(density, 1, from);
  const own = bitmap(density, 2, to);
  return {
    what,
    target,
    prepare: () => {
      const merged = own.clone();
      return () => merged.merge(other);
    },
  };
}

function enumerate(density: number, target: string): Row {
  const listed = bitmap(density, 3);
  return {
    what: `A4 list dirty ranges, ${percent(density)}`,
    target,
    prepare: () => () => {
      let dirty = 0;
      for (const { length } of listed.dirtyExtents()) dirty += length;
      if (dirty < listed.dirtyBytes - GRANULARITY) throw new Error('ranges are missing');
    },
  };
}

const half = bitmap(0.5, 4);
const bytes = new Uint8Array(half.serializedLength);
half.serialize(bytes);
const places = Float64Array.from({ length: MARKS }, () => Math.floor(Math.random() * SIZE));
const same = [GRANULARITY, GRANULARITY];

const ROWS: readonly Row[] = [
  {
    what: 'A1 load and count, 50 %',
    target: '≥ 1.0',
    prepare: () => {
      const loaded = new DirtyBitmap(SIZE, GRANULARITY);
      return () => loaded.deserialize(bytes);
    },
  },
  ...[0.5, 0.05, 0.001, 1e-6].map((density) =>
    merge(`A2 merge, ${percent(density)}`, density < 0.001 ? '–' : '≥ 0.7', density, same),
  ),
  ...[0.5, 0.001].flatMap((density) => [
    merge(`A3 merge to 2× coarser, ${percent(density)}`, '–', density, [
      GRANULARITY,
      2 * GRANULARITY,
    ]),
    merge(`A3 merge to 16× coarser, ${percent(density)}`, '–', density, [
      GRANULARITY,
      16 * GRANULARITY,
    ]),
    merge(`A3 merge from 2× coarser, ${percent(density)}`, '–', density, [
      2 * GRANULARITY,
      GRANULARITY,
    ]),
  ]),
  ...[1e-6, 0.001, 0.05, 0.999].map((density) => enumerate(density, '–')),
  {
    what: `A5 mark ${MARKS} random writes of 4 KiB`,
    target: '≤ 50 ns each',
    prepare: () => {
      const marked = new DirtyBitmap(SIZE, GRANULARITY);
      // The first touch of memory is the system's affair.
      marked.setAll();
      marked.clear();
      return () => {
        for (const place of places) marked.set(place, 4096);
      };
    },
  },
];

const load = () =>
  loadavg()
    .map((value) => value.toFixed(1))
    .join(' ');

console.info(`${cpus().length} x ${cpus()[0]!.model}, Node ${process.version}, load ${load()}`);
console.info(`\n| ${ROUNDS} rounds, 32 MiB of bits | ms | copy, ms | copy / ours | target |`);
console.info('| --- | --- | --- | --- | --- |');
for (const { what, target, prepare } of ROWS) {
  const found: { readonly ours: number; readonly copied: number }[] = [];
  const began = performance.now();
  for (let round = 0; round <= ROUNDS; round++) {
    // A row that is slow is not to keep the others waiting.
    if (round > 1 && performance.now() - began > MAX_ROW_MS) break;
    const work = prepare();
    const isFirst = Math.random() < 0.5;
    const before = isFirst ? time(() => copy.set(source)) : 0;
    const ours = time(work);
    const copied = isFirst ? before : time(() => copy.set(source));
    // The first round warms up.
    if (round > 0) found.push({ ours, copied });
  }
  const ours = median(found.map((round) => round.ours)).toFixed(2);
  const copied = median(found.map((round) => round.copied)).toFixed(2);
  const ratio = median(found.map((round) => round.copied / round.ours)).toFixed(2);
  console.info(`| ${what} | ${ours} | ${copied} | ${ratio} | ${target} |`);
}
console.info(`\nload ${load()}`);
