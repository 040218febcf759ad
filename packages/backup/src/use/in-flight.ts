/**
 * Runs jobs with at most `limit` at once. The first failure stops it from taking more; when this
 * ends, no job runs any more.
 */
export async function runInFlight<T>(
  jobs: AsyncIterable<T>,
  limit: number,
  run: (job: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  let failure: { readonly cause: unknown } | undefined;
  const start = (job: T): void => {
    const task: Promise<void> = run(job)
      .catch((cause: unknown) => {
        failure ??= { cause };
      })
      .finally(() => running.delete(task));
    running.add(task);
  };
  try {
    for await (const job of jobs) {
      if (failure !== undefined) break;
      start(job);
      if (running.size >= limit) await Promise.race(running);
    }
  } finally {
    await Promise.all(running);
  }
  if (failure !== undefined) throw failure.cause;
}
