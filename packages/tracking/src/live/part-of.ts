import { bytesPerSector, type DiskRange } from './live-bitmap.ts';

/** What a mark of a write is about. */
export interface WantedMark {
  /** What is written. */
  readonly write: DiskRange;
  /** What is to be marked for it: whole regions, and the write is in them. */
  readonly range: DiskRange;
  /** Bytes. */
  readonly regionSize: number;
}

/**
 * The part of a mark that a bitmap of this granularity gets: no more than the sectors of its bits
 * that the write is in anyway, and where a granule is larger than a region, the write's own alone.
 */
export function partOf({ write, range, regionSize }: WantedMark, granularity: number): DiskRange {
  if (granularity > regionSize) return write;
  const sector = bytesPerSector(granularity);
  const first = Math.floor(write.offset / sector) * sector;
  const last = Math.ceil((write.offset + write.length) / sector) * sector;
  const offset = Math.max(range.offset, first);
  return { offset, length: Math.min(range.offset + range.length, last) - offset };
}

/**
 * The last region whose bits are in the sector of this one's. Where a sector holds less than a
 * region, no region is in it whole, and there is no bound.
 */
export function lastInSector(region: number, granularity: number, regionSize: number): number {
  const perSector = bytesPerSector(granularity) / regionSize;
  return perSector > 1 ? Math.ceil((region + 1) / perSector) * perSector - 1 : Infinity;
}
