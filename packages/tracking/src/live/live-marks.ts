import {
  type DirtyBitmap,
  isTidemarkError,
  type TidemarkError,
  type WriteLease,
} from '@tidemark/core';
import { BusyRegions, type RegionSpan } from './busy-regions.ts';
import type { DiskRange } from './live-bitmap.ts';
import { hasLapsed, type LiveTracking } from './live-tracking.ts';
import { forEachTracking } from './mark-failure.ts';
import { OpenRegions, type RegionLimits } from './open-regions.ts';
import { lastInSector, partOf } from './part-of.ts';
import { Streams } from './streams.ts';

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
  readonly #streams: Streams;
  readonly #busy = new BusyRegions();
  #narrowing: Promise<void> | undefined;
  #structure: Promise<void> | undefined;

  constructor({ diskSize, leases = [], onLost, ...limits }: LiveMarksOptions) {
    this.#diskSize = diskSize;
    this.#leases = leases;
    this.#onLost = onLost;
    this.#regions = new OpenRegions(limits);
    this.#streams = new Streams(this.#regions.size, this.#regions.maxOpen);
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
    if (hasLapsed(this.#tracked)) return false;
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
    if (hasLapsed(this.#tracked)) {
      await this.#renewLeases();
      return true;
    }
    const span = this.#regions.span(range);
    const others = this.#busy.within(span);
    if (others.length > 0) {
      // Whoever is at work there reports what goes wrong to those who asked for it.
      await Promise.allSettled(others);
      return false;
    }
    const wide = this.#widen(span);
    await this.#busy.work(wide, () => this.#mark(wide, range));
    this.#streams.marked(wide, span);
    this.#regions.open(wide);
    this.#keepBound();
    return true;
  }

  /** Puts the truth back on disk where nothing was written for a while. Best effort. */
  async narrowIdle(): Promise<void> {
    await this.#narrowSome(this.#regions.idle());
    if (this.#structure === undefined) await this.#refine();
  }

  /**
   * Puts the truth back on disk in a range of whole granules, where it became less without a write.
   * `exact`: of which bitmap; nothing happens if it is not live. @throws what the store throws
   */
  async narrowTo(exact: DirtyBitmap, range: DiskRange): Promise<void> {
    const span = this.#regions.span(range);
    for (;;) {
      const others = this.#structure === undefined ? this.#busy.within(span) : [this.#structure];
      if (others.length === 0) break;
      await Promise.allSettled(others);
    }
    const own = [...this.#tracked].find(({ bitmap }) => bitmap.exact === exact);
    if (own !== undefined) await this.#busy.work(span, () => own.bitmap.narrow(range));
  }

  /** Puts the truth back on disk everywhere, durably. @throws what the stores throw */
  async settle(): Promise<void> {
    await this.#narrowing;
    await this.#busy.settled();
    for (const region of this.#regions.all()) await this.#narrow(region);
    await this.#refine();
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
    await this.#busy.settled();
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
      this.#lose(asking, error);
    }
  }

  /** @throws `error`, where it does not say that they are inconsistent on disk */
  #lose(trackings: readonly LiveTracking[], error: unknown): void {
    if (!isTidemarkError(error, 'BITMAP_INCONSISTENT')) throw error;
    // A write cannot make them stale any more.
    const lost = trackings.filter((tracking) => this.#tracked.delete(tracking));
    this.#onLost?.(new Set(lost.map(({ bitmap }) => bitmap.exact)), error);
  }

  /** For a stream, up to where something else is at work, or another sector of bits begins. */
  #widen(span: RegionSpan): RegionSpan {
    const { size } = this.#regions;
    let end = Math.min(this.#streams.widen(span).last, Math.ceil(this.#diskSize / size) - 1);
    for (const { bitmap } of this.#tracked) {
      end = Math.min(end, lastInSector(span.last, bitmap.exact.granularity, size));
    }
    let { last } = span;
    while (last < end && !this.#busy.has(last + 1)) last += 1;
    return { first: span.first, last };
  }

  async #mark(span: RegionSpan, write: DiskRange): Promise<void> {
    const wanted = { write, range: this.#rangeOf(span), regionSize: this.#regions.size };
    await forEachTracking(this.#tracked, async (tracking) => {
      const { bitmap, sync } = tracking;
      const part = partOf(wanted, bitmap.exact.granularity);
      if (bitmap.covers(part)) return;
      try {
        await bitmap.mark(part);
        // Bitmaps of one store share its sync.
        await sync();
      } catch (error) {
        return this.#lose([tracking], error);
      }
      bitmap.rely(part);
    });
  }

  /** No write waits for what is put back elsewhere. */
  #keepBound(): void {
    if (this.#narrowing !== undefined) return;
    const coarse = Array.from(this.#tracked, ({ bitmap }) => bitmap.coarseBytes);
    const regions = this.#regions.excess(Math.max(0, ...coarse));
    if (regions.length === 0) return;
    this.#narrowing = this.#narrowSome(regions).finally(() => {
      this.#narrowing = undefined;
    });
  }

  async #narrowSome(regions: readonly number[]): Promise<void> {
    for (const region of regions) {
      if (this.#structure !== undefined) return;
      if (this.#busy.has(region)) continue;
      await this.#narrow(region).catch(() => {});
    }
  }

  /** Where bits were set for want of room, there may be some by now. Best effort. */
  async #refine(): Promise<void> {
    await Promise.allSettled(Array.from(this.#tracked, ({ bitmap }) => bitmap.refine()));
  }

  async #narrow(region: number): Promise<void> {
    const span = { first: region, last: region };
    this.#regions.close(region);
    await this.#busy.work(span, async () => {
      const range = this.#rangeOf(span);
      // A granule that is larger than a region is dirty only where something was written.
      const narrowed = [...this.#tracked].filter(
        ({ bitmap }) => bitmap.exact.granularity <= this.#regions.size,
      );
      await Promise.all(narrowed.map(({ bitmap }) => bitmap.narrow(range)));
    });
  }

  #rangeOf({ first, last }: RegionSpan): DiskRange {
    const offset = first * this.#regions.size;
    const end = Math.min(this.#diskSize, (last + 1) * this.#regions.size);
    return { offset, length: end - offset };
  }
}
