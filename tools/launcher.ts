import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** How a program ended; a signal counts as 128 and its number, as it does to a shell. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Running {
  readonly file: string;
  readonly done: (code: number) => void;
  pid?: number;
}

/**
 * Reads paths of scripts, runs each beside the others, and tells `FILE pid PID` and `FILE ended CODE`.
 * A program's output goes to files: nothing of it can be held up here.
 */
const SERVER = `exec 3>&1
while IFS= read -r file; do
  { sh "$file" >"$file.out" 2>"$file.err" </dev/null; echo "$file ended $?" >&3; } &
done`;

/**
 * Starts programs through a shell that was started once. Node copies its page tables for each program
 * that it starts: 30 ms at 100 MiB, 150 at 800, where a shell takes 1. Tests start tens of thousands.
 */
class Launcher {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tidemark-launcher-'));
  readonly #environment = { ...process.env };
  readonly #shell: ChildProcess;
  readonly #running = new Map<string, Running>();
  #count = 0;

  constructor() {
    this.#shell = spawn('sh', ['-c', SERVER], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#shell.unref();
    createInterface({ input: this.#shell.stdout! }).on('line', (line) => this.#hear(line));
    this.#hold(false);
    process.once('exit', () => rmSync(this.#folder, { recursive: true, force: true }));
  }

  /** @throws Error where it takes longer than `timeout` milliseconds; it is killed then */
  async run(words: readonly string[], timeout: number, cwd = process.cwd()): Promise<Ended> {
    const file = join(this.#folder, String(this.#count++));
    writeFileSync(file, this.#script(file, words, cwd));
    let timer: NodeJS.Timeout | undefined;
    const code = await new Promise<number>((resolve, reject) => {
      const running: Running = { file, done: resolve };
      this.#running.set(file, running);
      this.#hold(true);
      timer = setTimeout(() => {
        if (running.pid !== undefined) process.kill(running.pid, 'SIGKILL');
        reject(new Error(`${words.join(' ')}: not ended after ${timeout} ms`));
      }, timeout);
      this.#shell.stdin!.write(`${file}\n`);
    }).finally(() => clearTimeout(timer));
    const [stdout, stderr] = ['out', 'err'].map((kind) => take(`${file}.${kind}`));
    unlinkSync(file);
    return { code, stdout: stdout!, stderr: stderr! };
  }

  #script(file: string, words: readonly string[], cwd: string): string {
    const lines = [`echo ${quote(`${file} pid`)} $$ >&3`, 'exec 3>&-', `cd ${quote(cwd)}`];
    for (const name of new Set([...Object.keys(this.#environment), ...Object.keys(process.env)])) {
      const value = process.env[name];
      if (value === this.#environment[name]) continue;
      lines.push(value === undefined ? `unset ${name}` : `export ${name}=${quote(value)}`);
    }
    return `${[...lines, `exec ${words.map(quote).join(' ')}`].join('\n')}\n`;
  }

  #hear(line: string): void {
    const [file, what, number] = line.split(' ');
    const running = this.#running.get(file!);
    if (running === undefined) return;
    if (what === 'pid') {
      running.pid = Number(number);
      return;
    }
    this.#running.delete(file!);
    if (this.#running.size === 0) this.#hold(false);
    running.done(Number(number));
  }

  /** Only while something runs is this process kept from its end. */
  #hold(isHeld: boolean): void {
    for (const stream of [this.#shell.stdin, this.#shell.stdout] as unknown as Socket[]) {
      if (isHeld) stream.ref();
      else stream.unref();
    }
  }
}

const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

function take(file: string): string {
  const text = readFileSync(file, 'utf8');
  unlinkSync(file);
  return text;
}

let launcher: Launcher | undefined;

/** Runs a program to its end, with no input, and with this process's environment as it is now. */
export async function launch(
  words: readonly string[],
  { timeout, cwd }: { readonly timeout: number; readonly cwd?: string },
): Promise<Ended> {
  launcher ??= new Launcher();
  return launcher.run(words, timeout, cwd);
}
