import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type RunResult, sh } from './qemu.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

/** The programs as a build leaves them; the Node that runs this runs them. */
export const TIDEMARK: string = `${root}apps/cli/dist/main.js`;
export const TIDEMARKD: string = `${root}apps/daemon/dist/main.js`;

/** Runs `tidemark` to its end. */
export async function tidemark(...args: readonly string[]): Promise<RunResult> {
  return sh(process.execPath, TIDEMARK, ...args);
}

/** A running `tidemarkd`. */
export interface Daemon {
  readonly process: ChildProcess;
  /** What it has printed on stderr so far. */
  stderr(): string;
  /** Sends a signal and waits for the end. Default SIGTERM. */
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; stderr: string }>;
}

/** Starts `tidemarkd` and waits until it serves. Throws what it printed if it ends before. */
export async function startDaemon(...args: readonly string[]): Promise<Daemon> {
  return start(TIDEMARKD, 'tidemarkd: ready', args);
}

/** Starts a `tidemark` that goes on, and waits until it prints a line that begins so. */
export async function startTidemark(ready: string, ...args: readonly string[]): Promise<Daemon> {
  return start(TIDEMARK, `tidemark: ${ready}`, args);
}

/** Starts a program, and waits until it prints a line that begins so. */
export async function start(
  program: string,
  ready: string,
  args: readonly string[],
): Promise<Daemon> {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      stderr += `${line}\n`;
      if (line.startsWith(ready)) resolve();
    });
    void ended.then((code) => reject(new Error(`${program} ended with code ${code}:\n${stderr}`)));
  });
  return {
    process: child,
    stderr: () => stderr,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      return { code: await ended, stderr };
    },
  };
}
