import { partsOf, type Task } from './drive-to-back-up.ts';

/** Bytes of all drives. */
export interface RepositoryBackupProgress {
  readonly done: number;
  readonly total: number;
  /** Of `done`, those that had to be read. */
  readonly read: number;
}

/** Adds up how far the drives are. */
export class Meter {
  readonly #total: number;
  readonly #report: ((progress: RepositoryBackupProgress) => void) | undefined;
  #before = { done: 0, read: 0 };
  #now = { done: 0, read: 0 };

  constructor(tasks: readonly Task[], report?: (progress: RepositoryBackupProgress) => void) {
    let total = 0;
    for (const task of tasks) for (const { length } of partsOf(task)) total += length;
    this.#total = total;
    this.#report = report;
  }

  /** Goes on to the next drive, or to the same one again. */
  next(): void {
    const { done, read } = this.#before;
    this.#before = { done: done + this.#now.done, read: read + this.#now.read };
    this.#now = { done: 0, read: 0 };
  }

  /** How far this drive is. */
  update(now: { readonly done: number; readonly read: number }): void {
    this.#now = now;
    const done = this.#before.done + now.done;
    const total = Math.max(this.#total, done);
    this.#report?.({ done, total, read: this.#before.read + now.read });
  }
}
