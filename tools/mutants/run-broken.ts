import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mutant } from './mutant.ts';

/** Milliseconds, within those of a test. */
const LONGEST_MS = 240_000;

const root = fileURLToPath(new URL('../../', import.meta.url));
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const loader = fileURLToPath(new URL('./mutating-loader.ts', import.meta.url));
const explorer = join(root, 'tools/crash/explore.ts');

export interface TestRun {
  readonly project: string;
  readonly filters: readonly string[];
  /** First the explorer looks at so many crash states; tests run where it finds nothing. */
  readonly exploredStates?: number;
}

interface Outcome {
  readonly failed: boolean;
  readonly output: string;
}

/**
 * Runs tests of a package that see its sources with the mutant in place; the files stay as they are.
 * Resolves to what the run printed.
 */
export async function runBroken(mutant: Mutant | undefined, tests: TestRun): Promise<Outcome> {
  if (mutant?.by) return runTests(mutant, { ...tests, filters: [mutant.by] });
  const found = tests.exploredStates && (await explore(mutant, tests.exploredStates));
  if (found && found.failed) return found;
  return runTests(mutant, tests);
}

/** Most of what can go wrong with crashes is found so, and sooner than by a run of tests. */
async function explore(mutant: Mutant | undefined, states: number): Promise<Outcome> {
  const options = ['--states', String(states), '--workers', '1'];
  const node = ['--import', loader, '--conditions=@tidemark/source'];
  return start([...node, explorer, ...options], mutant);
}

async function runTests(
  mutant: Mutant | undefined,
  { project, filters, exploredStates }: TestRun,
): Promise<Outcome> {
  // More workers would each load what the tests are about, which costs more than the tests.
  const options = ['run', '--root', root, '--project', project, '--bail', '1', '--maxWorkers', '1'];
  const done = exploredStates === undefined ? [] : ['--exclude', '**/*.explorer.test.ts'];
  const only = { TIDEMARK_PROJECT: project };
  const named = mutant?.named === undefined ? [] : ['-t', mutant.named];
  return start([vitest, ...options, ...done, ...named, ...filters], mutant, only);
}

async function start(
  args: readonly string[],
  mutant: Mutant | undefined,
  environment: NodeJS.ProcessEnv = {},
): Promise<Outcome> {
  const broken = mutant === undefined ? {} : { TIDEMARK_MUTANT: JSON.stringify(mutant) };
  const child = spawn(process.execPath, args, {
    cwd: root,
    // A mutant is found soon, or not by this test.
    env: {
      ...process.env,
      ...{ NO_COLOR: '1', CI: '1', EXPLORER_STATES: '2500' },
      // Of a run, starting is a third: what is compiled is kept.
      NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/mutants'),
      ...environment,
      ...broken,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that a mutant that hangs ends with its workers.
    detached: true,
  });
  const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), LONGEST_MS);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  return { failed: code !== 0, output };
}
