interface NextSync {
  withTimes: boolean;
  readonly done: Promise<void>;
}

/**
 * The syncs of one descriptor, one at a time: who asks while one is under way gets the one after it,
 * together with all who ask meanwhile. Linux tells a descriptor of a write that it could not make
 * once, to one sync (errseq_t, `file_check_and_advance_wb_err`): to another that runs beside it, it
 * would say that all is well. From the first error on every sync fails with it.
 */
export class Syncs {
  readonly #sync: (withTimes: boolean) => Promise<void>;
  #running: Promise<void> = Promise.resolve();
  #next: NextSync | undefined;
  #isBusy = false;
  #failure: { readonly error: unknown } | undefined;

  /** `withTimes`: makes the times of the file durable as well. */
  constructor(sync: (withTimes: boolean) => Promise<void>) {
    this.#sync = sync;
  }

  /** Whether one is under way. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Resolves when a sync that started after this call is done. @throws what any of them threw */
  async join({ withTimes = false } = {}): Promise<void> {
    this.#assertSound();
    this.#next ??= { withTimes, done: this.#start() };
    this.#next.withTimes ||= withTimes;
    return this.#next.done;
  }

  async #start(): Promise<void> {
    await this.#running.catch(() => {});
    const { withTimes } = this.#next!;
    // From here on new callers need another one.
    this.#next = undefined;
    this.#assertSound();
    this.#running = this.#run(withTimes);
    return this.#running;
  }

  async #run(withTimes: boolean): Promise<void> {
    this.#isBusy = true;
    try {
      await this.#sync(withTimes);
    } catch (error) {
      this.#failure = { error };
      throw error;
    } finally {
      this.#isBusy = false;
    }
  }

  #assertSound(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
