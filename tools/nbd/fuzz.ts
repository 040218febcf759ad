import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fuzzNbd } from './fuzz-cases.ts';

// pnpm fuzz:nbd --cases 20000 --seed 1
const { values } = parseArgs({
  options: { cases: { type: 'string' }, seed: { type: 'string' } },
});
const cases = Number(values.cases ?? 2000);
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const folder = mkdtempSync(join(tmpdir(), 'tidemark-fuzz-nbd-'));
const descriptors = () => readdirSync('/proc/self/fd').length;

console.info(`${cases} cases, seed ${seed}`);
// What every run needs once is in place.
const first = await fuzzNbd({ cases: 200, seed: 1, folder });
const before = descriptors();
const problems = [...first];
const onProgress = (done: number) => {
  if (done % 4000 === 0) console.info(`${done}: ${process.memoryUsage().rss >> 20} MiB`);
};
problems.push(...(await fuzzNbd({ cases, seed, folder, onProgress })));
const left = descriptors() - before;
rmSync(folder, { recursive: true });
console.info(
  JSON.stringify({ cases, seed, problems: problems.slice(0, 20), descriptorsLeft: left }, null, 2),
);
if (problems.length > 0 || left > 0) process.exitCode = 1;
