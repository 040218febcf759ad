/** Of one call. A run may be a single cluster, and a call may span very many. */
const MAX_RUNNING = 32;

/** Device I/O of one call that runs side by side, so much of it at a time. */
export class Running {
  readonly #promises = new Set<Promise<unknown>>();
  #failure: { readonly reason: unknown } | undefined;
  #onEnd = () => {};

  add(promise: Promise<unknown>): void {
    this.#promises.add(promise);
    const end = () => {
      this.#promises.delete(promise);
      this.#onEnd();
    };
    // One that fails while others are still being started is reported by `settle`, not before.
    promise.then(end, (reason: unknown) => {
      this.#failure ??= { reason };
      end();
    });
  }

  /** To be awaited before more is started. For one caller. */
  async room(): Promise<void> {
    while (this.#promises.size >= MAX_RUNNING) {
      await new Promise<void>((resolve) => (this.#onEnd = resolve));
    }
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
    await Promise.allSettled(this.#promises);
    if (this.#failure !== undefined) throw this.#failure.reason;
  }
}
