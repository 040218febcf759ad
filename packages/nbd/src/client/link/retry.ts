import { isTidemarkError } from '@tidemark/core';

const FIRST_WAIT = 100;
const LONGEST_WAIT = 5000;

/**
 * Tries something again as long as it fails for want of a connection, or of an export: a server that
 * begins may not have it yet, and one that gave its drive away has it no more. Rarer with time.
 */
export class Retry {
  readonly #until: number;
  #isStopped = false;
  #wake: () => void = () => {};

  /** `time`: milliseconds after which no further attempt is made. */
  constructor(time: number) {
    this.#until = performance.now() + time;
  }

  /** Lets the attempt under way be the last. */
  stop(): void {
    this.#isStopped = true;
    this.#wake();
  }

  /** @throws what the last attempt threw */
  async run<T>(attempt: () => Promise<T>): Promise<T> {
    for (let wait = FIRST_WAIT; ; wait = Math.min(wait * 2, LONGEST_WAIT)) {
      try {
        return await attempt();
      } catch (error) {
        const left = this.#until - performance.now();
        if (this.#isStopped || left <= 0 || !isPassing(error)) throw error;
        await this.#pause(Math.min(wait, left));
      }
    }
  }

  async #pause(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function isPassing(error: unknown): boolean {
  return isTidemarkError(error, 'CONNECTION_LOST') || isTidemarkError(error, 'FILE_NOT_FOUND');
}
