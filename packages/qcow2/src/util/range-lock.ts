interface Held {
  readonly first: number;
  readonly last: number;
  readonly released: Promise<void>;
}

/** Keeps tasks on overlapping ranges apart, first come first served. Bounds are inclusive. */
export class RangeLock {
  readonly #held = new Set<Held>();

  async run<T>(first: number, last: number, task: () => Promise<T>): Promise<T> {
    const before = [...this.#held].filter((held) => held.first <= last && first <= held.last);
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    const own = { first, last, released };
    this.#held.add(own);
    try {
      // Waits only for earlier comers, so that no circle of waiters can form.
      await Promise.all(before.map((held) => held.released));
      return await task();
    } finally {
      this.#held.delete(own);
      release();
    }
  }
}
