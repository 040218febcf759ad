import { spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A change to a source that breaks one rule. */
export interface Mutant {
  /** The rule, in words that say how it is broken. */
  readonly name: string;
  /** From the workspace's root. */
  readonly file: string;
  /** Stands in the file once. */
  readonly find: string;
  readonly replace: string;
  /** Another place, where one is not enough. */
  readonly also?: { readonly find: string; readonly replace: string };
}

/** A copy of the packages, in which sources can be broken while the tests run. */
export class Sandbox {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tidemark-mutants-'));

  constructor() {
    for (const name of [
      'packages',
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
    mkdirSync(join(this.#folder, 'apps'));
    symlinkSync(join(root, 'node_modules'), join(this.#folder, 'node_modules'));
  }

  /** Runs tests of a package with the mutant in place. Resolves to what the run printed. */
  async run(
    mutant: Mutant | undefined,
    tests: TestRun,
  ): Promise<{ failed: boolean; output: string }> {
    const path = mutant && join(this.#folder, mutant.file);
    const source = path === undefined ? '' : readFileSync(path, 'utf8');
    try {
      if (path !== undefined) writeFileSync(path, apply(source, mutant!));
      return await this.#runTests(tests);
    } finally {
      if (path !== undefined) writeFileSync(path, source);
    }
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #runTests({
    project,
    filters,
    env,
  }: TestRun): Promise<{ failed: boolean; output: string }> {
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const child = spawn(
      process.execPath,
      [vitest, 'run', '--root', this.#folder, '--project', project, '--bail', '1', ...filters],
      {
        env: { ...process.env, NO_COLOR: '1', CI: '1', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const code = await new Promise((resolve) => child.once('close', resolve));
    return { failed: code !== 0, output };
  }
}

export interface TestRun {
  readonly project: string;
  readonly filters: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

function apply(source: string, { name, file, find, replace, also }: Mutant): string {
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
