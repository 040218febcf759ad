import type { DirtyBitmap, LiveBitmaps, LiveBits } from '@tidemark/core';
import { storeFailed } from '../messages.ts';
import type { MadeBitmap } from '../restructuring.ts';
import type { DiskKnowledge } from './disk-knowledge.ts';
import { LiveBitmap } from './live-bitmap.ts';
import type { LiveMarks } from './live-marks.ts';
import type { LiveTracking } from './live-tracking.ts';

export interface NamedTracking extends LiveTracking {
  readonly name: string;
}

export interface TrackedBitsOptions {
  /** Of the store, for messages. */
  readonly label: string;
  readonly live: LiveBitmaps;
  readonly marks: LiveMarks;
  readonly known: DiskKnowledge;
  /** See `LiveTracking`; one for all bitmaps: by it they are known to share a sync. */
  readonly sync: () => Promise<void>;
  readonly abandon: () => Promise<void>;
}

/** Which bitmaps of a store a write has to be marked in, by the bits in memory. */
export class TrackedBits {
  readonly #options: TrackedBitsOptions;
  /** What is on disk, by the bits in memory that are the truth about it. */
  readonly #tracked = new Map<DirtyBitmap, NamedTracking>();
  /** Of what began and is not stored yet, the bits as they were then: those that will be stored. */
  readonly #begun = new Map<DirtyBitmap, DirtyBitmap>();

  constructor(options: TrackedBitsOptions) {
    this.#options = options;
  }

  get(content: DirtyBitmap | undefined): NamedTracking | undefined {
    return content && this.#tracked.get(content);
  }

  /** From this tick on a write waits until it is marked in these bits too. */
  begin(name: string, content: DirtyBitmap): void {
    if (!this.#tracked.has(content)) this.#begin(name, content);
  }

  /**
   * Bits that record already get other clusters. Until these are in place, a write has to be marked
   * in the old ones as well: the bits of one that waits for its mark are among those to be stored.
   */
  beginAnew(made: readonly MadeBitmap[]): ReadonlyMap<DirtyBitmap, NamedTracking> {
    const replaced = new Map<DirtyBitmap, NamedTracking>();
    for (const { bitmap, content } of made) {
      const tracking = this.#tracked.get(content);
      if (tracking === undefined || this.#begun.has(content)) continue;
      replaced.set(content, tracking);
      this.#begin(bitmap.name, content);
    }
    return replaced;
  }

  /** The old clusters stay, for all that is known: only what is marked in them counts. */
  goOnWith(replaced: ReadonlyMap<DirtyBitmap, NamedTracking>): void {
    for (const [content, tracking] of replaced) {
      // The new ones may be there as well, and then a write has to be marked in both.
      if (!this.#options.known.isUncertain) this.#untrack(content);
      this.#begun.delete(content);
      this.#tracked.set(content, tracking);
    }
  }

  /** The new clusters are in place. */
  giveUp(replaced: ReadonlyMap<DirtyBitmap, NamedTracking>): void {
    for (const tracking of replaced.values()) this.#options.marks.detach(tracking);
  }

  /** While writes go on: the bits as they were in the tick in which they began to record. */
  storedOf(content: DirtyBitmap, kept?: DirtyBitmap): DirtyBitmap {
    const stored = this.#begun.get(content) ?? content;
    if (kept === undefined || kept === content) return stored;
    const both = stored.clone();
    both.merge(kept);
    return both;
  }

  /** What began is stored. */
  allStored(): void {
    this.#begun.clear();
  }

  keepOnly(kept: ReadonlySet<DirtyBitmap | undefined>): void {
    for (const content of this.#tracked.keys()) if (!kept.has(content)) this.#untrack(content);
  }

  /** Other bits, of another size, take the place of these; they are on disk already. */
  replace(old: DirtyBitmap, content: DirtyBitmap): void {
    const tracked = this.#tracked.get(old);
    if (tracked === undefined) return;
    const stored = tracked.bitmap.needed;
    stored.resize(content.diskSize, { grown: 'dirty' });
    this.#untrack(old);
    this.#track(tracked.name, content, stored);
  }

  #begin(name: string, content: DirtyBitmap): void {
    const stored = content.clone();
    this.#begun.set(content, stored);
    this.#track(name, content, stored);
  }

  #track(name: string, content: DirtyBitmap, stored: DirtyBitmap): void {
    const { live, marks, sync, abandon } = this.#options;
    const bitmap = new LiveBitmap(content, stored, this.#bitsOf(name));
    const tracked = { name, bitmap, sync, lease: live.lease, abandon };
    this.#tracked.set(content, tracked);
    marks.attach(tracked);
  }

  #bitsOf(name: string): LiveBits {
    const { label, live, known } = this.#options;
    return {
      write: async (...what) => {
        known.assertSound();
        try {
          return await live.bits(name).write(...what);
        } catch (error) {
          // Of what may be on disk, or not, nothing can be marked.
          if (known.isUncertain && error instanceof RangeError) throw storeFailed(label, error);
          throw error;
        }
      },
    };
  }

  #untrack(content: DirtyBitmap): void {
    const tracked = this.#tracked.get(content);
    if (tracked !== undefined) this.#options.marks.detach(tracked);
    this.#tracked.delete(content);
  }
}
