// Breaks images in many ways, and holds all that opens, checks and repairs them to what it owes.
//   pnpm fuzz:images --cases 10000 --seed 1
import { parseArgs } from 'node:util';
import { runFuzz } from './run-fuzz.ts';

const { values } = parseArgs({
  options: { cases: { type: 'string', default: '10000' }, seed: { type: 'string' } },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
console.error(`seed ${seed}`);
const report = await runFuzz(seed, Number(values.cases));
console.log(JSON.stringify(report, null, 2));
const MAX_MEMORY = 768 * 2 ** 20;
if (report.maxMemory > MAX_MEMORY) throw new Error(`${report.maxMemory} bytes of memory`);
if (report.cases >= 100 && report.deep < 0.8) throw new Error('too few cases got beyond the magic');
