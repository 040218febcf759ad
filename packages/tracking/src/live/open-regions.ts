import { TidemarkError } from '@tidemark/core';
import type { DiskRange } from './live-bitmap.ts';

export interface RegionLimits {
  /** Bytes of disk that are marked at once: a power of two. Default 4 MiB. */
  readonly regionSize?: number;
  /**
   * Bytes of disk that may be marked beyond what was written, at most; a region at least. Default
   * 32 GiB. What a store without room has marked counts as well, and can be more.
   */
  readonly maxOpen?: number;
  /** Milliseconds without a write after which a region is narrowed. Default 30 s. */
  readonly idleAfter?: number;
  /** Milliseconds, from anywhere. Default: the process's own clock. */
  readonly now?: () => number;
}

export const DEFAULT_REGION_SIZE = 4 * 1024 ** 2;
const DEFAULT_MAX_OPEN = 32 * 1024 ** 3;
const DEFAULT_IDLE_AFTER = 30_000;

/** Which regions are marked whole, and when each was written last. */
export class OpenRegions {
  /** Bytes. */
  readonly size: number;
  /** Bytes. */
  readonly maxOpen: number;
  readonly #maxCount: number;
  readonly #idleAfter: number;
  readonly #now: () => number;
  readonly #lastWrite = new Map<number, number>();
  /** Written since anybody looked at the clock: each write does less. */
  readonly #touched = new Set<number>();
  #lastTouched = -1;

  /** @throws USAGE: less may be open than is marked at once */
  constructor(limits: RegionLimits) {
    this.size = limits.regionSize ?? DEFAULT_REGION_SIZE;
    this.maxOpen = limits.maxOpen ?? DEFAULT_MAX_OPEN;
    if (this.maxOpen < this.size) throw tooSmall(this.maxOpen, this.size);
    this.#maxCount = Math.floor(this.maxOpen / this.size);
    this.#idleAfter = limits.idleAfter ?? DEFAULT_IDLE_AFTER;
    this.#now = limits.now ?? (() => performance.now());
  }

  /** The regions that a range touches. */
  span({ offset, length }: DiskRange): { first: number; last: number } {
    const last = Math.floor((offset + length - 1) / this.size);
    return { first: Math.floor(offset / this.size), last };
  }

  open({ first, last }: { readonly first: number; readonly last: number }): void {
    const now = this.#now();
    for (let region = first; region <= last; region++) this.#lastWrite.set(region, now);
  }

  touch({ offset, length }: DiskRange): void {
    const last = Math.floor((offset + length - 1) / this.size);
    for (let region = Math.floor(offset / this.size); region <= last; region++) {
      if (region === this.#lastTouched || !this.#lastWrite.has(region)) continue;
      this.#touched.add(region);
      this.#lastTouched = region;
    }
  }

  close(region: number): void {
    this.#lastWrite.delete(region);
    this.#touched.delete(region);
    this.#lastTouched = -1;
  }

  /** Forgets the regions behind the end of a disk of that many bytes. */
  cut(diskSize: number): void {
    for (const region of this.all()) if (region * this.size >= diskSize) this.close(region);
  }

  all(): readonly number[] {
    return [...this.#lastWrite.keys()];
  }

  idle(): readonly number[] {
    this.#stamp();
    const before = this.#now() - this.#idleAfter;
    return [...this.#lastWrite].filter(([, at]) => at <= before).map(([region]) => region);
  }

  /**
   * Those to close so that the bound is kept: an eighth of all at a time, the longest idle first, so
   * that a load that is spread wide does not look for one at each write. `marked`: bytes that are
   * dirty anyway; an eighth of the bound is left for regions, or each write would need a mark.
   */
  excess(marked = 0): readonly number[] {
    const { size } = this.#lastWrite;
    const least = Math.max(1, Math.floor(this.#maxCount / 8));
    const maxCount = Math.max(least, this.#maxCount - Math.ceil(marked / this.size));
    if (size <= maxCount) return [];
    this.#stamp();
    const byAge = [...this.#lastWrite].sort(([, a], [, b]) => a - b);
    return byAge.slice(0, size - maxCount + Math.floor(size / 8)).map(([region]) => region);
  }

  #stamp(): void {
    const now = this.#now();
    for (const region of this.#touched) this.#lastWrite.set(region, now);
    this.#touched.clear();
    this.#lastTouched = -1;
  }
}

function tooSmall(bound: number, region: number): TidemarkError {
  const text = `a tracking bound of ${bound} bytes is less than the ${region} that are marked at once`;
  return new TidemarkError('USAGE', text, { hint: `give at least ${region}` });
}
