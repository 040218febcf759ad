/** Calls that began in one stretch of time. */
export class CallGroup {
  #count = 0;
  #onEmpty: (() => void) | undefined;

  enter(): void {
    this.#count += 1;
  }

  leave(): void {
    this.#count -= 1;
    if (this.#count === 0) this.#onEmpty?.();
  }

  ended(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }
}

/**
 * The calls in progress on a descriptor. It must not be closed under them, since its number may
 * name another file the next moment, nor the file be cut short under a write.
 */
export class Calls {
  #group = new CallGroup();

  /** The caller calls `leave` of what it gets, once. */
  enter(): CallGroup {
    const group = this.#group;
    group.enter();
    return group;
  }

  /** Resolves when what began before this has ended; what begins later is not waited for. */
  drain(): Promise<void> {
    const group = this.#group;
    this.#group = new CallGroup();
    return group.ended();
  }
}
