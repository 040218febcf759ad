import { median } from '../passes.ts';
import type { Load, Measured } from './loads.ts';
import type { BenchServer } from './servers.ts';

export interface Row {
  readonly what: string;
  readonly load: Load;
  /** What is asked of `ours / theirs`, for people. */
  readonly target: string;
}

export interface Rivals {
  readonly ours: BenchServer;
  readonly theirs: BenchServer;
}

/** One after the other in each round, in an order that chance decides. */
async function contest({ ours, theirs }: Rivals, { load }: Row, rounds: number) {
  const found: { readonly ours: Measured; readonly theirs: Measured }[] = [];
  // The first one is not counted: caches and compilers are cold.
  for (let round = 0; round <= rounds; round++) {
    const first = Math.random() < 0.5;
    const a = await load(first ? ours : theirs);
    const b = await load(first ? theirs : ours);
    if (round > 0) found.push(first ? { ours: a, theirs: b } : { ours: b, theirs: a });
  }
  const middle = (value: (round: (typeof found)[number]) => number) => median(found.map(value));
  return {
    theirs: middle((round) => round.theirs.rate),
    ours: middle((round) => round.ours.rate),
    ratio: middle((round) => round.ours.rate / round.theirs.rate),
    theirCpu: middle((round) => round.theirs.cpu),
    ourCpu: middle((round) => round.ours.cpu),
    cpuRatio: middle((round) => round.theirs.cpu / round.ours.cpu),
  };
}

/** Prints a table, a line for each row as it is known. */
export async function table(
  title: string,
  rivals: Rivals,
  rows: readonly Row[],
  rounds: number,
): Promise<void> {
  console.info(`\n## ${title}\n`);
  console.info(
    '| load | theirs, ops/s | ours | ratio | their CPU, µs/op | ours | ratio | target |',
  );
  console.info('| --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const row of rows) {
    const { theirs, ours, ratio, theirCpu, ourCpu, cpuRatio } = await contest(rivals, row, rounds);
    const rate = `${theirs.toFixed(0)} | ${ours.toFixed(0)} | ×${ratio.toFixed(2)}`;
    const cpu = `${theirCpu.toFixed(1)} | ${ourCpu.toFixed(1)} | 1/${cpuRatio.toFixed(1)}`;
    console.info(`| ${row.what} | ${rate} | ${cpu} | ${row.target} |`);
  }
}
