import {
  type DirtyBitmap,
  isTidemarkError,
  type TidemarkError,
  type WriteLease,
} from '@tidemark/core';
import type { LiveBitmap, DiskRange } from './live-bitmap.ts';
import { forEachTracking } from './mark-failure.ts';
import { OpenRegions, type RegionLimits } from './open-regions.ts';

/** A bitmap and what makes the writes to its bits durable. */
export interface LiveTracking {
  readonly bitmap: LiveBitmap;
  /** Resolves when a sync that started after the call is done. */
  readonly sync: () => Promise<void>;
  /** Of the bitmap's store; see `LiveBitmaps`. */
  readonly lease?: WriteLease | undefined;
  /**
   * Makes sure that nobody trusts the bitmaps of this store any more, durably, and gives them up:
   * from then on no write waits for them. @throws where that cannot be done: all is as before
   */
  readonly abandon?: () => Promise<void>;
}

export interface LiveMarksOptions extends RegionLimits {
  /** Bytes of the disk. */
  readonly diskSize: number;
  /** Of all stores: they hear of each write, whatever is live by then. */
  readonly leases?: readonly WriteLease[];
  /** Hears which bits belong to bitmaps that are inconsistent now. They hold up no write any more. */
  readonly onLost?: (lost: ReadonlySet<DirtyBitmap>, why: TidemarkError) => void;
}

/**
 * Sees to it that what a write is going to change is dirty on disk, durably, before the write
 * begins. It marks whole regions, so that most writes find theirs marked; a region that is no
 * longer written is narrowed to the truth again.
 */
export class LiveMarks {
  #diskSize: number;
  readonly #regions: OpenRegions;
  readonly #leases: readonly WriteLease[];
  readonly #onLost: LiveMarksOptions['onLost'];
  readonly #tracked = new Set<LiveTracking>();
  /** Regions that are being marked or narrowed. */
  readonly #busy = new Map<number, Promise<void>>();
  #structure: Promise<void> | undefined;

  constructor({ diskSize, leases = [], onLost, ...limits }: LiveMarksOptions) {
    this.#diskSize = diskSize;
    this.#leases = leases;
    this.#onLost = onLost;
    this.#regions = new OpenRegions(limits);
  }

  /** From this tick on, no write begins whose range is not durably dirty in this bitmap too. */
  attach(tracking: LiveTracking): void {
    this.#tracked.add(tracking);
  }

  detach(tracking: LiveTracking): void {
    this.#tracked.delete(tracking);
  }

  /** Whether a write may begin in this very tick. */
  covers(range: DiskRange): boolean {
    for (const { bitmap } of this.#tracked) if (!bitmap.covers(range)) return false;
    if (this.#hasLapsed()) return false;
    this.#regions.touch(range);
    return true;
  }

  /** A write begins, in the tick in which `covers` allowed it. */
  begin(): void {
    for (const lease of this.#leases) lease.begin();
  }

  /** It has ended, well or badly. */
  end(): void {
    for (const lease of this.#leases) lease.end();
  }

  /**
   * Marks what is missing. Ask `covers` again afterwards: much may have happened meanwhile.
   * @returns whether something was made durable: false where it only waited for others
   * @throws MarkFailure: the marks cannot be relied on, and the write must not begin
   */
  async cover(range: DiskRange): Promise<boolean> {
    // First: until it is over, a store has no lease for what only begins to record.
    if (this.#structure !== undefined) {
      await this.#structure;
      return false;
    }
    if (this.#hasLapsed()) {
      await this.#renewLeases();
      return true;
    }
    const span = this.#regions.span(range);
    const others = this.#busyIn(span);
    if (others.length > 0) {
      // Whoever is at work there reports what goes wrong to those who asked for it.
      await Promise.allSettled(others);
      return false;
    }
    await this.#work(span, () => this.#mark(span));
    this.#regions.open(span);
    await this.#narrowSome(this.#regions.excess());
    return true;
  }

  /** Puts the truth back on disk where nothing was written for a while. Best effort. */
  async narrowIdle(): Promise<void> {
    await this.#narrowSome(this.#regions.idle());
  }

  /**
   * Puts the truth back on disk in a range of whole granules, where it became less without a write.
   * `exact`: of which bitmap; nothing happens if it is not live. @throws what the store throws
   */
  async narrowTo(exact: DirtyBitmap, range: DiskRange): Promise<void> {
    const span = this.#regions.span(range);
    for (;;) {
      const others = this.#structure === undefined ? this.#busyIn(span) : [this.#structure];
      if (others.length === 0) break;
      await Promise.allSettled(others);
    }
    const own = [...this.#tracked].find(({ bitmap }) => bitmap.exact === exact);
    if (own !== undefined) await this.#work(span, () => own.bitmap.narrow(range));
  }

  /** Puts the truth back on disk everywhere, durably. @throws what the stores throw */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#busy.values());
    for (const region of this.#regions.all()) await this.#narrow(region);
    await Promise.all(Array.from(this.#tracked, ({ sync }) => sync()));
  }

  /**
   * Keeps marks away until the returned function is called, and waits for those under way. Writes
   * whose range is covered go on.
   */
  async lock(): Promise<() => void> {
    while (this.#structure !== undefined) await this.#structure;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#structure = promise;
    await Promise.allSettled(this.#busy.values());
    await Promise.all(Array.from(this.#tracked, ({ bitmap }) => bitmap.drain()));
    return () => {
      this.#structure = undefined;
      resolve();
    };
  }

  /** The disk has another size from now on. While it is locked. */
  resize(diskSize: number): void {
    this.#diskSize = diskSize;
    this.#regions.cut(diskSize);
  }

  /** Whether the lease of a store does not allow a write now. */
  #hasLapsed(): boolean {
    for (const { lease } of this.#tracked) if (lease?.allowsWrite() === false) return true;
    return false;
  }

  /** Bitmaps of one store share its lease. */
  async #renewLeases(): Promise<void> {
    const renewals = new Map<WriteLease, Promise<void>>();
    for (const { lease } of this.#tracked) {
      if (lease === undefined || renewals.has(lease) || lease.allowsWrite()) continue;
      renewals.set(lease, this.#renew(lease));
    }
    await forEachTracking(this.#tracked, async ({ lease }) => lease && renewals.get(lease));
  }

  async #renew(lease: WriteLease): Promise<void> {
    // No change of the bitmaps is under way: what is attached now is there on disk.
    const asking = [...this.#tracked].filter((tracking) => tracking.lease === lease);
    try {
      await lease.renew();
    } catch (error) {
      if (!isTidemarkError(error, 'BITMAP_INCONSISTENT')) throw error;
      // They are inconsistent on disk, too, so that a write cannot make them stale.
      const lost = asking.filter((tracking) => this.#tracked.delete(tracking));
      this.#onLost?.(new Set(lost.map(({ bitmap }) => bitmap.exact)), error);
    }
  }

  async #mark({ first, last }: RegionSpan): Promise<void> {
    const range = this.#rangeOf({ first, last });
    const lacking = [...this.#tracked].filter(({ bitmap }) => !bitmap.covers(range));
    await forEachTracking(lacking, async ({ bitmap, sync }) => {
      await bitmap.mark(range);
      // Bitmaps of one store share its sync.
      await sync();
      bitmap.rely(range);
    });
  }

  async #narrowSome(regions: readonly number[]): Promise<void> {
    for (const region of regions) {
      if (this.#structure !== undefined) return;
      if (this.#busy.has(region)) continue;
      await this.#narrow(region).catch(() => {});
    }
  }

  async #narrow(region: number): Promise<void> {
    const span = { first: region, last: region };
    this.#regions.close(region);
    await this.#work(span, async () => {
      const range = this.#rangeOf(span);
      // A granule that is larger than a region is dirty only where something was written.
      const narrowed = [...this.#tracked].filter(
        ({ bitmap }) => bitmap.exact.granularity <= this.#regions.size,
      );
      await Promise.all(narrowed.map(({ bitmap }) => bitmap.narrow(range)));
    });
  }

  async #work({ first, last }: RegionSpan, act: () => Promise<void>): Promise<void> {
    const work = act();
    for (let region = first; region <= last; region++) this.#busy.set(region, work);
    try {
      await work;
    } finally {
      for (let region = first; region <= last; region++) this.#busy.delete(region);
    }
  }

  #busyIn({ first, last }: RegionSpan): readonly Promise<void>[] {
    const found = new Set<Promise<void>>();
    for (let region = first; region <= last; region++) {
      const work = this.#busy.get(region);
      if (work !== undefined) found.add(work);
    }
    return [...found];
  }

  #rangeOf({ first, last }: RegionSpan): DiskRange {
    const offset = first * this.#regions.size;
    const end = Math.min(this.#diskSize, (last + 1) * this.#regions.size);
    return { offset, length: end - offset };
  }
}

interface RegionSpan {
  readonly first: number;
  readonly last: number;
}
