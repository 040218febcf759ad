// What bitmaps of 32 MiB of bits cost in memory, beside a copy of as many bytes in the same round:
//   pnpm bench bitmap [ROUNDS] [ROW]     # rows whose name has ROW in it
// docs/performance.md has the last figures.
import { cpus, loadavg } from 'node:os';
import { ROWS } from './bitmap/rows.ts';
import { median } from './passes.ts';

const ROUNDS = Number(process.argv[2] ?? '7');
const WANTED = process.argv[3] ?? '';
const MAX_ROW_MS = 10_000;

const source = new Uint8Array(32 * 2 ** 20).fill(0x5a);
const copy = new Uint8Array(source.length);

function time(work: () => void): number {
  const began = performance.now();
  work();
  return performance.now() - began;
}

const load = () =>
  loadavg()
    .map((value) => value.toFixed(1))
    .join(' ');

console.info(`${cpus().length} x ${cpus()[0]!.model}, Node ${process.version}, load ${load()}`);
console.info(`\n| ${ROUNDS} rounds, 32 MiB of bits | ms | copy, ms | copy / ours | target |`);
console.info('| --- | --- | --- | --- | --- |');
for (const { what, target, make } of ROWS.filter((row) => row.what.includes(WANTED))) {
  const found: { readonly ours: number; readonly copied: number }[] = [];
  const prepare = make();
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
