import type { WriteLease } from '@tidemark/core';
import type { LiveBitmap } from './live-bitmap.ts';

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

/** Whether the lease of a store does not allow a write now. */
export function hasLapsed(tracked: ReadonlySet<LiveTracking>): boolean {
  for (const { lease } of tracked) if (lease?.allowsWrite() === false) return true;
  return false;
}
