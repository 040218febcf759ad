/**
 * One sync for all who ask at the same time. Whoever asks waits for a sync that starts afterwards:
 * one that is under way may have passed the caller's writes already.
 */
export class GroupSync {
  readonly #sync: () => Promise<void>;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(sync: () => Promise<void>) {
    this.#sync = sync;
  }

  /** @throws what the sync throws, to all who wait for it */
  join(): Promise<void> {
    this.#next ??= this.#start();
    return this.#next;
  }

  async #start(): Promise<void> {
    await this.#running.catch(() => {});
    // From here on new callers need another one.
    this.#next = undefined;
    this.#running = this.#sync();
    return this.#running;
  }
}
