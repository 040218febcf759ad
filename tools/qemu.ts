import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { launch } from './launcher.ts';

/** The reference tools that tests compare with, and the Debian package each comes from. */
const PACKAGES = {
  'qemu-img': 'qemu-utils',
  'qemu-io': 'qemu-utils',
  'qemu-nbd': 'qemu-utils',
  'qemu-storage-daemon': 'qemu-system-common',
  nbdinfo: 'libnbd-bin',
  nbdcopy: 'libnbd-bin',
  nbdkit: 'nbdkit',
  nbdsh: 'python3-libnbd',
  nroff: 'groff-base',
  strace: 'strace',
  fio: 'fio',
  openssl: 'openssl',
  curl: 'curl',
  python3: 'python3',
  'mkfs.ext4': 'e2fsprogs',
} as const;

export type Tool = keyof typeof PACKAGES;

function isInstalled(tool: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${tool}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * `describe` for tests that need reference tools. Without the tools the whole block is skipped and
 * the reason is in its name; with REQUIRE_QEMU=1 it fails instead.
 */
export function describeWithQemu(name: string, tools: readonly Tool[], body: () => void): void {
  const missing = tools.filter((tool) => !isInstalled(tool));
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  const wanted = missing.map((tool) => `${tool} (${PACKAGES[tool]})`).join(', ');
  if (process.env['REQUIRE_QEMU'] === '1') {
    describe(name, () => {
      it(`needs ${wanted}`, () => {
        throw new Error(`REQUIRE_QEMU=1, but these are not installed: ${wanted}`);
      });
    });
    return;
  }
  console.warn(`SKIPPED: ${name}: needs ${wanted}`);
  describe.skip(`${name} (skipped: needs ${wanted})`, body);
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; never throws for an exit code. */
export async function sh(command: string, ...args: readonly string[]): Promise<RunResult> {
  return launch([command, ...args], { timeout: 120_000 });
}

/** Runs a program that has to succeed, and gives its standard output. */
export async function run(command: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await sh(command, ...args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: exit code ${code}\n${stderr}`);
  return stdout;
}

/** A folder that goes away after the surrounding `describe` (or file). */
export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'tidemark-test-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
