import type { ImageState } from '../image-state.ts';
import { allParts, type L2Entry } from '../mapping/cluster-entry.ts';

/**
 * Maps what is not mapped of a disk of `size` bytes to its place in a raw data file, which has to hold
 * what the disk shows there: zeros. Any part of it, on disk or not, means the same.
 */
export async function linkInPlace(state: ImageState, size: number): Promise<void> {
  const { map, geometry, clusterLocks, mutex } = state;
  const { clusterSize } = geometry;
  for (let at = 0; at < size;) {
    const run = await map.atRun(at, size - at, (found) => found);
    const end = Math.min(at + run.length, map.tableEnd(at));
    if (run.mapping.kind === 'unallocated') {
      const start = at - (at % clusterSize);
      const first = start / clusterSize;
      const count = Math.ceil((end - start) / clusterSize);
      await clusterLocks.run(first, first + count - 1, () =>
        mutex.run(async () => {
          await state.ensureTable(start);
          await map.replace(start, count, (old, i) => inPlace(old, start + i * clusterSize));
        }),
      );
    }
    at = end;
  }

  function inPlace(old: L2Entry, host: number): L2Entry | undefined {
    if (old.kind === 'compressed' || old.host !== undefined || old.zero !== 0) return undefined;
    return { kind: 'cluster', host, exclusive: true, data: allParts(geometry), zero: 0 };
  }
}
