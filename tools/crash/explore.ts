// Looks at as many crash states as wanted, on several cores, and prints what it found as JSON:
//   pnpm explore --states 2000000 --checks 5000 --sums 1000 [--workers 2] [--seed 1]
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { Kind, Report, Task } from './explore-worker.ts';

const { values } = parseArgs({
  options: {
    states: { type: 'string', default: '100000' },
    checks: { type: 'string', default: '0' },
    sums: { type: 'string', default: '0' },
    workers: { type: 'string', default: String(availableParallelism()) },
    seed: { type: 'string', default: '1' },
  },
});
const states = Number(values.states);
const workers = Number(values.workers);
const share = (total: number) => Math.ceil(total / workers);
const started = performance.now();

const distinct = new Set<number>();
const during: Record<string, number> = {};
const totals = { runs: 0, looks: 0, checkedByQemu: 0, comparedWithQemu: 0 };
const problems: string[] = [];

/** So that several drives have more than 2 % of the states that differ. */
const SEVERAL_EVERY = 12;

/** Seeds are dealt out in turn, so that the figures do not depend on the number of workers. */
let nextSeed = Number(values.seed);

async function work(): Promise<void> {
  const worker = new Worker(new URL('./explore-worker.ts', import.meta.url), {
    workerData: { checks: share(Number(values.checks)), sums: share(Number(values.sums)) },
  });
  const failed = once(worker, 'error').then(([error]) => Promise.reject(error as Error));
  const ask = async (task: Task): Promise<Report> => {
    const answer = once(worker, 'message') as Promise<[Report]>;
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- of windows only
    worker.postMessage(task);
    return (await Promise.race([answer, failed]))[0];
  };
  while (distinct.size < states && problems.length === 0) {
    const seed = nextSeed++;
    for (const kind of kindsOf(seed)) add(await ask({ seed, kind }));
    if (seed % 500 === 0) console.error(`${distinct.size} states, seed ${seed}`);
  }
  add(await ask('end'));
  await worker.terminate();
}

/** One drive in turn, so that each kind has its half; and several now and then, which take long. */
function kindsOf(seed: number): readonly Kind[] {
  const one = seed % 2 === 0 ? 'image' : 'sidecar';
  return seed % SEVERAL_EVERY === 0 ? [one, 'several drives'] : [one];
}

function add(report: Report): void {
  totals.runs += report.hashes.length > 0 ? 1 : 0;
  totals.looks += report.looks;
  totals.checkedByQemu += report.checked;
  totals.comparedWithQemu += report.compared;
  problems.push(...report.problems);
  for (const hash of report.hashes) distinct.add(hash);
  for (const [name, count] of Object.entries(report.during)) {
    during[name] = (during[name] ?? 0) + count;
  }
}

await Promise.all(Array.from({ length: workers }, work));
const shares = Object.fromEntries(
  Object.entries(during)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => [name, `${((100 * count) / distinct.size).toFixed(1)} %`]),
);
const seconds = Math.round((performance.now() - started) / 1000);
const figures = { states: distinct.size, ...totals, seconds, during: shares, problems };
console.log(JSON.stringify(figures, undefined, 2));
process.exitCode = problems.length === 0 ? 0 : 1;
