import type { LiveTracking } from './live-tracking.ts';

/** Marks could not be made durable. `cause`: the first of what went wrong. */
export class MarkFailure extends Error {
  /** Of the bitmaps that lack a mark now. */
  readonly trackings: readonly LiveTracking[];

  constructor(failures: ReadonlyMap<LiveTracking, unknown>) {
    const [first] = failures.values();
    super('marks could not be made durable', { cause: first });
    this.trackings = [...failures.keys()];
  }
}

/** Tries all, and tells of those that failed when all are done. */
export async function forEachTracking(
  trackings: Iterable<LiveTracking>,
  act: (tracking: LiveTracking) => Promise<void>,
): Promise<void> {
  const failures = new Map<LiveTracking, unknown>();
  const attempts = Array.from(trackings, async (tracking) => {
    try {
      await act(tracking);
    } catch (error) {
      failures.set(tracking, error);
    }
  });
  await Promise.all(attempts);
  if (failures.size > 0) throw new MarkFailure(failures);
}
