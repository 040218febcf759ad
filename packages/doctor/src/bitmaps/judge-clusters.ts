import type { Walk } from '../count/walk.ts';
import type { EntryFault } from './bitmap-entry.ts';
import type { ReadBitmaps } from './read-bitmaps.ts';
import { reportFault } from './report-entry.ts';

/**
 * Holds the clusters of each bitmap against those of everything else, when all are counted. One
 * that something else refers to as well, or that was free to be taken, may hold anything.
 */
export function judgeClusters(walk: Walk, bitmaps: ReadBitmaps): void {
  const { counter } = walk.references;
  const isShared = (cluster: number) => counter.get(cluster) > 1;
  const isFree = (cluster: number) => walk.tooLow.has(cluster);
  for (const entry of bitmaps.entries) {
    const clusters = [...entry.table, ...entry.data];
    const faults: EntryFault[] = [];
    if (clusters.some(isShared)) faults.push('overlap');
    else if (clusters.some(isFree)) faults.push('refcount');
    for (const fault of faults) {
      if (entry.faults.has(fault)) continue;
      entry.faults.add(fault);
      reportFault(walk, entry, fault);
    }
  }
  if (!bitmaps.directory.some((cluster) => isShared(cluster) || isFree(cluster))) return;
  bitmaps.state = 'unreadable';
  walk.findings.add({
    kind: 'bitmap-directory',
    severity: 'bitmap',
    message: 'the bitmap directory lies in clusters that are free, or that something else uses',
  });
}
