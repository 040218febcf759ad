import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { HELPER_ENVIRONMENT } from './run-on-descriptor.ts';

interface Pending {
  readonly resolve: (answer: string) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A lasting program that answers one line with one line, in order, and has the open file `fd` as
 * its descriptor 3. It holds up the end of this process only while it owes an answer.
 */
export class LineProcess {
  readonly #child: ChildProcess;
  readonly #input: Writable | null;
  readonly #output: Readable | null;
  readonly #pending: Pending[] = [];
  readonly #gone: Promise<void>;
  #partial = '';
  #failure: Error | undefined;

  /** @throws the system's error where no process can be started */
  constructor(program: string, args: readonly string[], fd: number) {
    // In '/', so that it keeps no file system from being unmounted.
    this.#child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'ignore', fd],
      env: HELPER_ENVIRONMENT,
      cwd: '/',
    });
    // Without descriptors left there are no streams, only an 'error'.
    this.#input = this.#child.stdin ?? null;
    this.#output = this.#child.stdout ?? null;
    this.#gone = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#fail(error);
        // No 'close' may come any more.
        resolve();
      });
      this.#child.once('close', (code, signal) => {
        this.#fail(new Error(`the helper ended (${signal ?? `exit code ${code}`})`));
        resolve();
      });
    });
    this.#input?.on('error', (error) => this.#fail(error));
    this.#output?.setEncoding('utf8').on('data', (text: string) => this.#take(text));
    this.#child.unref();
    this.#hold(false);
  }

  get isGone(): boolean {
    return this.#failure !== undefined;
  }

  /** Rejects when the program is gone, or goes. */
  ask(line: string): Promise<string> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      if (this.#pending.push({ resolve, reject }) === 1) this.#hold(true);
      this.#input?.write(`${line}\n`);
    });
  }

  /** Resolves when the program has ended, and with it its copy of the descriptor. */
  async close(): Promise<void> {
    this.#child.ref();
    this.#hold(true);
    this.#input?.end();
    await this.#gone;
  }

  #take(text: string): void {
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop()!;
    for (const line of lines) this.#pending.shift()?.resolve(line);
    if (this.#pending.length === 0) this.#hold(false);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#pending.splice(0)) reject(this.#failure);
    this.#hold(false);
  }

  /** Pipes to a child are sockets, which keep a process alive unless told not to. */
  #hold(isHeld: boolean): void {
    for (const stream of [this.#input, this.#output]) {
      if (!(stream instanceof Socket)) continue;
      if (isHeld) stream.ref();
      else stream.unref();
    }
  }
}
