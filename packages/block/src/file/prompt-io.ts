import { readSync, writeSync } from 'node:fs';
import { PROMPT_WRITE_MS, Promptness } from './promptness.ts';

/** What takes longer than a turn of the event loop should is left to other threads. Bytes. */
const MAX_BYTES = 2 * 1024 ** 2;

type Call = (
  fd: number,
  bytes: NodeJS.ArrayBufferView,
  at: number,
  length: number,
  position: number,
) => number;

/**
 * Reads and writes of a descriptor in this tick, as long as the system has what is read, and room
 * for what is written, in memory: a thread for each call costs several times the call itself.
 */
export class PromptIo {
  readonly #fd: number;
  readonly #waits: boolean;
  readonly #reads = new Promptness();
  readonly #writes = new Promptness(PROMPT_WRITE_MS);

  /** `waits`: also where that waits for the disk. Default false. */
  constructor(fd: number, { waits = false }: { readonly waits?: boolean } = {}) {
    this.#fd = fd;
    this.#waits = waits;
  }

  /** @returns false: not all of it was read */
  read(target: Uint8Array, offset: number): boolean {
    return this.#move(readSync, this.#reads, target, offset);
  }

  /** Whatever it takes, which says nothing of other calls. @returns false: not all of it was read */
  readWaiting(target: Uint8Array, offset: number): boolean {
    try {
      return readSync(this.#fd, target, 0, target.length, offset) === target.length;
    } catch {
      return false;
    }
  }

  /** @returns false: not all of it was written */
  write(source: Uint8Array, offset: number): boolean {
    return this.#move(writeSync, this.#writes, source, offset);
  }

  #move(call: Call, promptness: Promptness, bytes: Uint8Array, offset: number): boolean {
    // No look at the clock, which takes a short program milliseconds to load.
    if (this.#waits) return this.#call(call, bytes, offset);
    const { length } = bytes;
    if (length > MAX_BYTES || !promptness.isLikely()) return false;
    const began = performance.now();
    const isDone = this.#call(call, bytes, offset);
    promptness.took(performance.now() - began, length);
    return isDone;
  }

  #call(call: Call, bytes: Uint8Array, offset: number): boolean {
    const { length } = bytes;
    try {
      return call(this.#fd, bytes, 0, length, offset) === length;
    } catch {
      // Whoever does it again in the other way learns why.
      return false;
    }
  }
}
