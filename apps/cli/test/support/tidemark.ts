import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { TIDEMARK, tidemark } from '../../../../tools/programs.ts';
import type { RunResult } from '../../../../tools/qemu.ts';

if (!existsSync(TIDEMARK)) throw new Error(`${TIDEMARK} is missing: run pnpm build first`);

/** Runs a command that has to succeed, and gives what it prints. */
export async function succeed(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await tidemark(...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** As `succeed`, of a command with --json. */
export async function succeedJson<T>(...args: readonly string[]): Promise<T> {
  return JSON.parse(await succeed(...args, '--json'));
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly context: { readonly where?: string; readonly hint?: string };
}

/**
 * Runs a command that has to fail, as text and as JSON, and expects what every failure has: nothing
 * on stdout, one line of what went wrong with the code, and one of what to do next.
 */
export async function fail(
  ...args: readonly string[]
): Promise<Failure & { readonly exit: number; readonly stderr: string }> {
  const text = await tidemark(...args);
  const lines = text.stderr.trimEnd().split('\n');
  expect({ lines, stdout: text.stdout }).toEqual({
    lines: [
      expect.stringMatching(/^tidemark: .* \([A-Z_]+\)$/),
      expect.stringMatching(/^tidemark: hint: .*[^.]$/),
    ],
    stdout: '',
  });
  const json = await tidemark(...jsonToo(args));
  expect({ exit: json.code, stdout: json.stdout }).toEqual({ exit: text.code, stdout: '' });
  const { error } = parseFailure(json);
  expect(lines[0]).toContain(error.message);
  expect(lines[0]).toContain(`(${error.code})`);
  return { ...error, exit: text.code, stderr: text.stderr };
}

function jsonToo(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--');
  return end < 0 ? [...args, '--json'] : [...args.slice(0, end), '--json', ...args.slice(end)];
}

function parseFailure({ stderr }: RunResult): { readonly error: Failure } {
  const parsed: { readonly error: Failure } = JSON.parse(stderr);
  return parsed;
}

/** SHA-256 of a file, to see that nothing has touched it. */
export function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
