import { DirtyBitmap, LIVE_SECTOR_BYTES, type LiveBits } from '@tidemark/core';
import { SectorWriter } from './sector-writer.ts';

/** Bytes of disk. */
export interface DiskRange {
  readonly offset: number;
  readonly length: number;
}

/** Bytes of disk that one sector of serialised bits tells of. */
export const bytesPerSector = (granularity: number) => LIVE_SECTOR_BYTES * 8 * granularity;

/**
 * A bitmap that records while its bits on disk stay a superset of the truth. Of three sets of bits,
 * each holds the one after it: what is being written to disk, what is durable there, and what was
 * written to the drive.
 */
export class LiveBitmap {
  /** The truth, kept by whoever records writes. Read here, never changed. */
  readonly exact: DirtyBitmap;
  /** Bits that are durable on disk, and that nothing under way takes away. */
  readonly #floor: DirtyBitmap;
  /** What the sectors on disk are to hold next. */
  readonly #desired: DirtyBitmap;
  readonly #writer: SectorWriter;
  /** Parts of the bits that are all set on disk for want of room: their length, by where they begin. */
  readonly #coarse = new Map<number, number>();

  /** `stored`: what is durable on disk, a superset of `exact`; it is copied. */
  constructor(exact: DirtyBitmap, stored: DirtyBitmap, bits: LiveBits) {
    this.exact = exact;
    // What cannot be read is dirty to all others; that it is so on disk is more than anybody knows.
    this.#floor = stored.clone({ unreadable: 'clean' });
    this.#desired = stored.clone();
    const newest = (target: Uint8Array, at: number) => this.#desired.serialize(target, at);
    this.#writer = new SectorWriter(async (sector) => {
      const bytes = new Uint8Array(LIVE_SECTOR_BYTES);
      const at = sector * LIVE_SECTOR_BYTES;
      newest(bytes, at);
      const span = await bits.write(bytes, at, newest);
      if (span) this.#coarse.set(span.at, span.length);
      else this.#refined(at);
    });
  }

  /** Whether the whole range is durably dirty on disk: a write to it needs no mark. */
  covers({ offset, length }: DiskRange): boolean {
    return this.#floor.nextClean(offset, offset + length) === -1;
  }

  /**
   * All that has to be dirty on disk, where a write may have begun: what is durable there, and the
   * truth, of which more is known where a mark has failed. The caller's own.
   */
  get needed(): DirtyBitmap {
    const needed = this.#floor.clone();
    needed.merge(this.exact);
    return needed;
  }

  /** Bytes of disk that are dirty on disk, whatever was written there, for want of room. */
  get coarseBytes(): number {
    let count = 0;
    for (const length of this.#coarse.values()) count += length * 8 * this.exact.granularity;
    return Math.min(count, this.exact.diskSize);
  }

  /** Asks for room where there was none. @throws what the store throws */
  async refine(): Promise<void> {
    await Promise.all(
      Array.from(this.#coarse.keys(), (at) => this.#writer.request(at / LIVE_SECTOR_BYTES)),
    );
  }

  /** Writes marks of the range; they are durable after a sync that starts when this resolves. */
  async mark(range: DiskRange): Promise<void> {
    this.#desired.set(range.offset, range.length);
    await this.#write(range);
  }

  /** The marks of the range are durable. */
  rely({ offset, length }: DiskRange): void {
    this.#floor.set(offset, length);
  }

  /**
   * Puts the truth back on disk, for a range of whole granules in which nothing is being marked.
   * Nobody needs to wait: any mix of old and new bits is a superset.
   */
  async narrow(range: DiskRange): Promise<void> {
    // One tick: from here on a write to what turns clean has to be marked anew.
    const changed = this.#lower(this.#floor, range);
    this.#lower(this.#desired, range);
    if (changed) await this.#write(range);
  }

  /** Resolves when no write to the bits on disk is under way. */
  async drain(): Promise<void> {
    await this.#writer.drain();
  }

  /** The part that has this byte has bits of its own again. */
  #refined(byte: number): void {
    for (const [at, length] of this.#coarse) {
      if (byte >= at && byte < at + length) this.#coarse.delete(at);
    }
  }

  #lower(bits: DirtyBitmap, { offset, length }: DiskRange): boolean {
    let changed = false;
    for (const clean of this.exact.extents(offset, length)) {
      if (clean.dirty || bits.nextDirty(clean.offset, clean.offset + clean.length) === -1) continue;
      bits.reset(clean.offset, clean.length);
      changed = true;
    }
    return changed;
  }

  async #write({ offset, length }: DiskRange): Promise<void> {
    const step = bytesPerSector(this.exact.granularity);
    const first = Math.floor(offset / step);
    const last = Math.floor((offset + length - 1) / step);
    const writes: Promise<void>[] = [];
    for (let sector = first; sector <= last; sector++) writes.push(this.#writer.request(sector));
    await Promise.all(writes);
  }
}
