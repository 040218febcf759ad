/** Device I/O of one call that runs side by side. */
export class Running {
  readonly #promises: Promise<unknown>[] = [];

  add(promise: Promise<unknown>): void {
    // One that fails while others are still being started is reported by `settle`, not before.
    promise.catch(() => undefined);
    this.#promises.push(promise);
  }

  /** Waits for the others, then throws. */
  async fail(reason: unknown): Promise<never> {
    await Promise.allSettled(this.#promises);
    throw reason;
  }

  /**
   * Waits for all, then throws what failed first. With `Promise.all` the rest would go on using
   * the caller's buffers after the caller was told.
   */
  async settle(): Promise<void> {
    for (const result of await Promise.allSettled(this.#promises)) {
      if (result.status === 'rejected') throw result.reason;
    }
  }
}
