import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { TIDEMARK } from '../../../../tools/programs.ts';
import { type RunResult, sh } from '../../../../tools/qemu.ts';

/** `qemu-nbd`, and ours that takes its command lines. */
export type NbdProgram = 'qemu-nbd' | 'tidemark nbd';

export const BOTH: readonly NbdProgram[] = ['qemu-nbd', 'tidemark nbd'];

export function commandOf(program: NbdProgram): readonly string[] {
  return program === 'qemu-nbd' ? [program] : [process.execPath, TIDEMARK, 'nbd'];
}

/** Runs a command line to its end, in a folder; what it says of itself is said of `tidemark nbd`. */
export async function runNbdLine(
  program: NbdProgram,
  dir: string,
  words: readonly string[],
): Promise<RunResult> {
  const script = 'cd "$0" && exec timeout 20 "$@" </dev/null';
  const { code, stdout, stderr } = await sh(
    'sh',
    '-c',
    script,
    dir,
    ...commandOf(program),
    ...words,
  );
  const own = (text: string) =>
    program === 'qemu-nbd' ? text.replaceAll('qemu-nbd', 'tidemark nbd') : text;
  return { code, stdout: own(stdout), stderr: own(stderr) };
}

/** A server in the background. */
export interface Served extends AsyncDisposable {
  readonly pid: number;
  /** Of an export of it. */
  uri(name?: string): string;
  /** Sends a signal and waits until the process is gone. Default SIGTERM. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Resolves when the process is gone. */
  readonly gone: () => Promise<void>;
}

/**
 * Whether a process runs that is not a child of ours: an ended one stays until init looks for it.
 * Its first thread may end before the others, which hold its files open.
 */
function isAlive(pid: number): boolean {
  try {
    const hasEnded = /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    return !hasEnded || readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}

/** The process that a file names, and the wait for its end. */
export function pidOf(pidFile: string): Pick<Served, 'pid' | 'gone'> {
  const pid = Number(readFileSync(pidFile, 'utf8'));
  const gone = async () => {
    while (isAlive(pid)) await setTimeout(10);
  };
  return { pid, gone };
}

let count = 0;

/** Starts a server by `--fork`, on a socket of its own. Throws what it printed if it failed. */
export async function serveInBackground(
  program: NbdProgram,
  dir: string,
  words: readonly string[],
): Promise<Served & { readonly socket: string }> {
  count += 1;
  const socket = join(dir, `s${count}`);
  const pidFile = join(dir, `pid${count}`);
  const place = ['--fork', `--pid-file=${pidFile}`, '-k', socket];
  const { code, stdout, stderr } = await runNbdLine(program, dir, [...place, ...words]);
  // With --fork, qemu-nbd ends with 1 if it has warned of anything, and serves all the same.
  const serves = code === 0 || existsSync(pidFile);
  if (!serves || stdout !== '') throw new Error(`${program} ended with ${code}: ${stderr}`);
  const { pid, gone } = pidOf(pidFile);
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended by itself.
    }
    await gone();
  };
  return {
    pid,
    socket,
    uri: (name = '') => `nbd+unix:///${name}?socket=${socket}`,
    stop,
    gone,
    [Symbol.asyncDispose]: () => stop(),
  };
}
