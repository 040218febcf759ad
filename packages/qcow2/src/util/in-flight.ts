/**
 * Device I/O under way on clusters that were looked up before. A cluster may be given to somebody
 * else only after `drain`, or a late read would see, and a late write destroy, what is not its own.
 */
export class InFlight {
  readonly #running = new Set<Promise<unknown>>();

  /** Starts `io` in the same tick, so that no unlink slips in between look-up and start. */
  run<T>(io: () => Promise<T>): Promise<T> {
    const running = io();
    this.#running.add(running);
    const forget = () => this.#running.delete(running);
    running.then(forget, forget);
    return running;
  }

  /** Resolves when all that ran at the call has ended, well or not. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.#running);
  }
}
