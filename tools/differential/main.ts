// Generated images, changed by us and by QEMU in turn, and compared after each change:
//   node --conditions=@tidemark/source tools/differential/main.ts --operations 2000 --seed 1
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { possiblePairs } from './pairs.ts';
import { runDifferential } from './run.ts';

/** So many operations have to meet each pair of values that images differ in. */
const WHOLE = 2000;

const { values } = parseArgs({
  options: {
    operations: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** Keeps the image that both do not agree on. */
    keep: { type: 'boolean', default: false },
  },
});

const dir = mkdtempSync(join(tmpdir(), 'tidemark-differential-'));
const seed = Number(values.seed);
try {
  const operations = Number(values.operations);
  const onProgress = (done: number) => process.stderr.write(`\r${done} of ${operations}`);
  const outcome = await runDifferential({ dir, seed, operations, onProgress });
  process.stderr.write('\n');
  const missing = possiblePairs().filter((pair) => !(pair in outcome.pairs));
  console.info(JSON.stringify({ seed, ...outcome, missing }, undefined, 2));
  if (outcome.disagreement !== undefined) process.exitCode = 1;
  else if (operations >= WHOLE && missing.length > 0) {
    console.error(`${missing.length} pairs were never tried`);
    process.exitCode = 1;
  }
} finally {
  if (values.keep && process.exitCode === 1) console.info(dir);
  else rmSync(dir, { recursive: true });
}
