import type { Refcounts } from './refcounts.ts';

/** Whether more than `limit` of the clusters before `end` are counted as in use. @throws IMAGE_CORRUPT */
export async function usesMoreThan(
  refcounts: Refcounts,
  end: number,
  limit: number,
): Promise<boolean> {
  let count = 0;
  for (let at = await refcounts.nextUsed(0, end); at < end && count <= limit;) {
    const free = await refcounts.nextFree(at, end);
    count += free - at;
    at = await refcounts.nextUsed(free, end);
  }
  return count > limit;
}
