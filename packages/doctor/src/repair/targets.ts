import type { Walk } from '../count/walk.ts';

/** What each refcount has to be. */
export interface Targets {
  /** `refcount`: what it is now; 0 where there is no block for it. */
  of(cluster: number, refcount: number): number;
  /** Whether all clusters of `[from, to)` have to be 0, as far as that can be known at once. */
  isEmpty(from: number, to: number): boolean;
}

/**
 * Where something that refers to clusters could not be followed, what looks like a leak may be a
 * guest's data: nothing is freed then, and a rebuild takes all of the file as used.
 */
export function targetsOf(walk: Walk, isRebuilt: boolean): Targets {
  const { counter, clusters } = walk.references;
  const most = Math.min(2 ** walk.layout.refcountBits - 1, Number.MAX_SAFE_INTEGER);
  if (!walk.isIncomplete) {
    return {
      of: (cluster) => Math.min(most, counter.get(cluster)),
      isEmpty: (from, to) => counter.isEmpty(from, to),
    };
  }
  const least = (cluster: number) => (isRebuilt && cluster < clusters ? 1 : 0);
  return {
    of: (cluster, refcount) =>
      Math.min(most, Math.max(counter.get(cluster), refcount, least(cluster))),
    isEmpty: (from, to) => (!isRebuilt || from >= clusters) && counter.isEmpty(from, to),
  };
}
