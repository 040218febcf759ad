import type { PreparedCommit } from '../store.ts';

/** A prepared commit for which a store's other calls wait, until it is over one way or the other. */
export class HeldCommit implements PreparedCommit {
  /** Resolves when it is in place, or is not going to be. */
  readonly over: Promise<void>;
  readonly #end: () => void;
  readonly #assertOpen: () => void;
  #step: PreparedCommit | undefined;

  /** `assertOpen` throws where the store was closed: that is why it is over then. */
  constructor(step: PreparedCommit, assertOpen: () => void) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    this.#end = resolve;
    this.#assertOpen = assertOpen;
    this.#step = step;
  }

  async commit(): Promise<void> {
    const step = this.#take();
    if (step === undefined) {
      this.#assertOpen();
      throw new RangeError('the commit was made or given up before');
    }
    try {
      await step.commit();
    } finally {
      this.#end();
    }
  }

  async abort(): Promise<void> {
    const step = this.#take();
    if (step === undefined) return;
    try {
      await step.abort();
    } finally {
      this.#end();
    }
  }

  #take(): PreparedCommit | undefined {
    const step = this.#step;
    this.#step = undefined;
    return step;
  }
}
