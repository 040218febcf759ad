/** Calls under way, so that a close can wait for them. */
export class Running {
  readonly #calls = new Set<Promise<unknown>>();

  run<T>(call: () => Promise<T>): Promise<T> {
    const running = call();
    this.#calls.add(running);
    const forget = () => this.#calls.delete(running);
    running.then(forget, forget);
    return running;
  }

  /** Resolves when all that ran at the call has ended, well or not. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.#calls);
  }
}

/**
 * Runs `job` on each piece, some at once. The first failure stops it from taking more; when this
 * ends, none runs any more.
 */
export async function runPieces<T>(
  pieces: Iterable<T>,
  limit: number,
  job: (piece: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  let failure: { readonly cause: unknown } | undefined;
  for (const piece of pieces) {
    const task: Promise<void> = job(piece)
      .catch((cause: unknown) => {
        failure ??= { cause };
      })
      .finally(() => running.delete(task));
    running.add(task);
    if (running.size >= limit) await Promise.race(running);
    if (failure !== undefined) break;
  }
  await Promise.all(running);
  if (failure !== undefined) throw failure.cause;
}
