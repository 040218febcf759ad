import type { WriteLease } from '@tidemark/core';

/** Milliseconds that a lease is given for. */
export const LEASE = 15_000;
/** A write that begins so late may come to the disk after the lease. Milliseconds. */
const MARGIN = 2_000;
/** The age at which writes make it be renewed, long before any has to wait. Milliseconds. */
const RENEW_AFTER = 5_000;

export interface LeaseOptions {
  /** Milliseconds since 1970, by the clock that files get their times from. */
  readonly now: () => number;
  /** Durably writes a lease that begins now. @returns its end, by `now` */
  readonly write: () => Promise<number>;
}

/**
 * The time until which a session may write its drive. Whoever finds the drive changed later than
 * that knows that it was somebody else. Kept by writes: a drive that nobody writes needs no lease,
 * so there is no timer, and the first write after a pause waits for a new one.
 */
export class Lease implements WriteLease {
  readonly #options: LeaseOptions;
  #until = 0;
  #renewal: Promise<void> | undefined;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** A commit has made a lease durable that ends then. */
  grant(until: number): void {
    this.#until = until;
  }

  allowsWrite(): boolean {
    const left = this.#until - this.#options.now();
    // Whoever has to wait for it is told what goes wrong with it.
    if (left < LEASE - RENEW_AFTER) this.renew().catch(() => {});
    // More than there ever was: the clock was set back, and the promise has become too long.
    return left >= MARGIN && left <= LEASE;
  }

  renew(): Promise<void> {
    this.#renewal ??= this.#renew();
    return this.#renewal;
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#renewal?.catch(() => {});
  }

  async #renew(): Promise<void> {
    try {
      this.#until = await this.#options.write();
    } finally {
      this.#renewal = undefined;
    }
  }
}
