import type { PreparedCommit } from '../store.ts';
import { HeldCommit } from './held-commit.ts';
import type { Refusals } from './refusals.ts';

/** The calls of one store: one at a time, none after its close, and none after it has failed. */
export class CallQueue {
  readonly #refusals: Refusals;
  #queue: Promise<unknown> = Promise.resolve();
  #held: HeldCommit | undefined;
  #closing: Promise<void> | undefined;
  #failure: { readonly cause: unknown } | undefined;

  constructor(refusals: Refusals) {
    this.#refusals = refusals;
  }

  async run<T>(work: () => Promise<T>, follow: (result: T) => unknown = () => {}): Promise<T> {
    this.#assertOpen();
    const result = this.#queue.then(() => {
      this.#assertSound();
      return work();
    });
    this.#queue = result.then(follow, () => {});
    return result;
  }

  /** What `work` makes ready is held: until it is committed or aborted, the next call waits. */
  async runAndHold(work: () => Promise<PreparedCommit>): Promise<PreparedCommit> {
    const prepare = async () => new HeldCommit(await work(), () => this.#assertOpen());
    return this.run(prepare, (held) => this.#hold(held));
  }

  /** Nothing is done any more: the store has to be opened anew. */
  fail(cause: unknown): void {
    this.#failure = { cause };
  }

  /** @throws STORE_CLOSED, STORE_FAILED */
  assertUsable(): void {
    this.#assertOpen();
    this.#assertSound();
  }

  /** Runs `end` after all calls that came before. Idempotent. */
  async close(end: () => Promise<void>): Promise<void> {
    this.#closing ??= this.#close(end);
    return this.#closing;
  }

  async #close(end: () => Promise<void>): Promise<void> {
    // What is left of it takes up space; that is no reason not to close.
    await this.#held?.abort().catch(() => {});
    await this.#queue;
    await end();
  }

  async #hold(held: HeldCommit): Promise<void> {
    this.#held = held;
    // A close that came while it was made ready did not find it.
    if (this.#closing !== undefined) await held.abort().catch(() => {});
    await held.over;
    this.#held = undefined;
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw this.#refusals.closed();
  }

  #assertSound(): void {
    if (this.#failure !== undefined) throw this.#refusals.failed(this.#failure.cause);
  }
}
