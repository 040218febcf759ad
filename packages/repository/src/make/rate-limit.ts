import { setTimeout } from 'node:timers/promises';
import { throwIfCancelled } from '@tidemark/backup/parts';

/** Waits so that no more than so many bytes pass in a second, on the whole. */
export class RateLimit {
  readonly #bytesPerSecond: number;
  readonly #now: () => number;
  readonly #wait: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  #begun: number | undefined;
  #taken = 0;

  constructor(
    bytesPerSecond: number,
    now: () => number = () => performance.now(),
    wait: (ms: number, signal: AbortSignal | undefined) => Promise<void> = waitFor,
  ) {
    if (!(bytesPerSecond > 0)) throw new RangeError(`${bytesPerSecond} is not a rate`);
    this.#bytesPerSecond = bytesPerSecond;
    this.#now = now;
    this.#wait = wait;
  }

  /** @throws CANCELLED */
  async take(bytes: number, signal?: AbortSignal): Promise<void> {
    this.#begun ??= this.#now();
    this.#taken += bytes;
    const due = this.#begun + (this.#taken / this.#bytesPerSecond) * 1000;
    const left = due - this.#now();
    if (left > 0) await this.#wait(left, signal);
    throwIfCancelled(signal);
  }
}

async function waitFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  // Who cancels is answered at once, by the check behind.
  await setTimeout(ms, undefined, { signal }).catch(() => {});
}
