import type { DirtyBitmap } from '@tidemark/core';

/** A write that has begun and not ended. Bytes. */
export interface WriteInFlight {
  readonly offset: number;
  readonly length: number;
  /** The recorder's own: where it stands among the others. A set would cost more than the marks. */
  place: number;
}

/**
 * The bitmaps that record the writes to one device, and the writes under way. Every method is
 * synchronous: what happens between two of them in one tick no write can see.
 */
export class WriteRecorder {
  readonly #bitmaps = new Set<DirtyBitmap>();
  readonly #inFlight: WriteInFlight[] = [];
  #waiters: (() => void)[] = [];

  /** What records now. Marks never leave it: it is for reading. */
  get bitmaps(): ReadonlySet<DirtyBitmap> {
    return this.#bitmaps;
  }

  /** Marks a write everywhere. To be called before the device is asked; throws: do not ask it. */
  begin(offset: number, length: number): WriteInFlight {
    for (const bitmap of this.#bitmaps) bitmap.set(offset, length);
    const write: WriteInFlight = { offset, length, place: this.#inFlight.length };
    this.#inFlight.push(write);
    return write;
  }

  /** The device has answered, well or badly. The marks stay: part of it may have been written. */
  end(write: WriteInFlight): void {
    const { place } = write;
    if (this.#inFlight[place] !== write) return;
    const last = this.#inFlight.pop()!;
    if (last !== write) {
      this.#inFlight[place] = last;
      last.place = place;
    }
    if (this.#inFlight.length > 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  /**
   * Marks the writes under way. They may reach the device after this tick, so they count for what
   * begins here as well as for what ends here.
   */
  seed(bitmap: DirtyBitmap): void {
    for (const { offset, length } of this.#inFlight) bitmap.set(offset, length);
  }

  /** From this tick on the bitmap records, the writes under way included. */
  attach(bitmap: DirtyBitmap): void {
    this.seed(bitmap);
    this.#bitmaps.add(bitmap);
  }

  detach(bitmap: DirtyBitmap): void {
    this.#bitmaps.delete(bitmap);
  }

  /** Resolves once no write is under way; whoever calls it keeps new ones away. */
  async idle(): Promise<void> {
    while (this.#inFlight.length > 0) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }
}
