/** One task at a time, in the order of the calls. */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve();

  /** Not reentrant: a task that waits for another `run` of the same mutex never ends. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(task);
    // The next task does not care how this one ended; its caller hears of it.
    this.#tail = result.catch(() => undefined);
    return result;
  }
}
