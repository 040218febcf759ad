import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Milliseconds, within those of a test. */
const LONGEST_MS = 240_000;

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A change to a source that breaks one rule. */
export interface Mutant {
  /** The rule, in words that say how it is broken. */
  readonly name: string;
  /** From the workspace's root. */
  readonly file: string;
  /** The test that finds it soonest, where that is known; it alone is run then. */
  readonly by?: string;
  /** Stands in the file once. */
  readonly find: string;
  readonly replace: string;
  /** Another place, where one is not enough. */
  readonly also?: { readonly find: string; readonly replace: string };
}

/** A copy of packages and programs, in which sources can be broken while the tests run. */
export class Sandbox {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tidemark-mutants-'));

  constructor() {
    for (const name of [
      'packages',
      'apps',
      'examples',
      'tools',
      'vitest.config.ts',
      'package.json',
      'tsconfig.base.json',
      'tsconfig.json',
    ]) {
      const isSource = (path: string) => !/\/dist$|\.test-report/.test(path);
      cpSync(join(root, name), join(this.#folder, name), {
        recursive: true,
        filter: isSource,
        verbatimSymlinks: true,
      });
    }
    symlinkSync(join(root, 'node_modules'), join(this.#folder, 'node_modules'));
  }

  /** Runs tests of a package with the mutant in place. Resolves to what the run printed. */
  async run(mutant: Mutant | undefined, tests: TestRun): Promise<Outcome> {
    const path = mutant && join(this.#folder, mutant.file);
    const source = path === undefined ? '' : readFileSync(path, 'utf8');
    try {
      if (path !== undefined) writeFileSync(path, apply(source, mutant!));
      if (mutant?.by) return await this.#runTests({ ...tests, filters: [mutant.by] });
      const found = tests.exploredStates && (await this.#explore(tests.exploredStates));
      if (found && found.failed) return found;
      return await this.#runTests(tests);
    } finally {
      if (path !== undefined) writeFileSync(path, source);
    }
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Most of what can go wrong with crashes is found so, and sooner than by a run of tests. */
  async #explore(states: number): Promise<Outcome> {
    const script = join(this.#folder, 'tools/crash/explore.ts');
    const options = ['--states', String(states), '--workers', '1'];
    return this.#start(['--conditions=@tidemark/source', script, ...options]);
  }

  async #runTests({ project, filters, exploredStates }: TestRun): Promise<Outcome> {
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const options = ['run', '--root', this.#folder, '--project', project, '--bail', '1'];
    const done = exploredStates === undefined ? [] : ['--exclude', '**/*.explorer.test.ts'];
    return this.#start([vitest, ...options, ...done, ...filters], { TIDEMARK_PROJECT: project });
  }

  async #start(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    const child = spawn(process.execPath, args, {
      // A mutant is found soon, or not by this test.
      env: { ...process.env, NO_COLOR: '1', CI: '1', EXPLORER_STATES: '2500', ...environment },
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
}

interface Outcome {
  readonly failed: boolean;
  readonly output: string;
}

export interface TestRun {
  readonly project: string;
  readonly filters: readonly string[];
  /** First the explorer looks at so many crash states; tests run where it finds nothing. */
  readonly exploredStates?: number;
}

/** @throws where the mutant does not find its place */
export function apply(source: string, { name, file, find, replace, also }: Mutant): string {
  let mutated = source;
  for (const change of also === undefined ? [{ find, replace }] : [{ find, replace }, also]) {
    const parts = mutated.split(change.find);
    if (parts.length !== 2) {
      throw new Error(`mutant '${name}': '${change.find}' is ${parts.length - 1} times in ${file}`);
    }
    mutated = parts.join(change.replace);
  }
  return mutated;
}
