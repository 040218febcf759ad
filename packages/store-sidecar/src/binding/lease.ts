import { setTimeout } from 'node:timers/promises';
import { TidemarkError, type WriteLease } from '@tidemark/core';

/** Milliseconds that a lease is given for. */
export const LEASE = 15_000;
/** A write that begins so late may come to the disk after the lease. Milliseconds. */
const MARGIN = 2_000;
/** The age at which writes make it be renewed, long before any has to wait. Milliseconds. */
const RENEW_AFTER = 5_000;
/** Without a write for so long the drive is at rest. Milliseconds. */
const REST_AFTER = 1_000;
/** Files get their times from a clock that ticks more slowly. Milliseconds. */
const CLOCK_STEP = 100;

export interface LeaseOptions {
  /** Milliseconds since 1970, by the clock that files get their times from. */
  readonly now: () => number;
  /** Calls `work` after so many milliseconds, unless the process ends before. */
  readonly later: (work: () => void, milliseconds: number) => void;
  /** Durably writes a lease that begins now. @returns its end, by `now` */
  readonly write: () => Promise<number>;
  /** Durably gives it up, and says how the drive is, if nothing is written meanwhile. */
  readonly rest: () => Promise<void>;
  /** Makes it durable that the drive is changed now. */
  readonly touchDrive: () => Promise<void>;
  /** Default: the system's timer. */
  readonly wait?: ((milliseconds: number) => Promise<void>) | undefined;
}

/**
 * The time until which a session may write its drive. Whoever finds the drive changed later than
 * that knows that it was somebody else. Kept by writes: a drive that nobody writes has none, and the
 * first write after a pause waits for a new one.
 */
export class Lease implements WriteLease {
  readonly #options: LeaseOptions;
  #until = 0;
  #renewal: Promise<void> | undefined;
  #resting: Promise<void> | undefined;
  #isWatched = false;
  #isOver = false;
  #refusal: (() => TidemarkError) | undefined;
  #begun = 0;
  #ended = 0;
  /** When the last write ended, or the lease was granted. */
  #lastActive = 0;
  /** The latest end that may be on disk: a write of it that failed may be there, too. */
  #latest = 0;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** How many writes have begun. */
  get begun(): number {
    return this.#begun;
  }

  /** No write is under way. */
  get isQuiet(): boolean {
    return this.#begun === this.#ended;
  }

  /** When the last write ended: no write of ours has a later time. Milliseconds. */
  get lastActive(): number {
    return this.#lastActive;
  }

  /** A commit is going to write one that ends then, and may fail when it is on disk already. */
  offer(until: number): void {
    this.#latest = Math.max(this.#latest, until);
  }

  /** A commit has made a lease durable that ends then. 0: it has made durable that there is none. */
  grant(until: number): void {
    this.#until = until;
    this.offer(until);
    if (until === 0) return;
    this.#refusal = undefined;
    this.#watch();
  }

  /** In the tick in which it is written that there is none. */
  giveUp(): void {
    this.#until = 0;
  }

  /** There will be none until a commit grants one. `why` is called for each who asks. */
  refuse(why: () => TidemarkError): void {
    this.#refusal = why;
    this.#until = 0;
  }

  allowsWrite(): boolean {
    if (this.#isOver) return false;
    const left = this.#until - this.#options.now();
    // Whoever has to wait for it is told what goes wrong with it.
    if (left < LEASE - RENEW_AFTER) this.renew().catch(() => {});
    // More than there ever was: the clock was set back, and the promise has become too long.
    return left >= MARGIN && left <= LEASE;
  }

  begin(): void {
    this.#begun += 1;
  }

  end(): void {
    this.#ended += 1;
    this.#lastActive = this.#options.now();
  }

  renew(): Promise<void> {
    if (this.#isOver) return Promise.reject(lapsed());
    this.#renewal ??= this.#renew();
    return this.#renewal;
  }

  async lapse(): Promise<void> {
    await this.stop();
    const { now, touchDrive, wait = setTimeout } = this.#options;
    // Asked again and again: the clock may be set.
    for (let left = this.#left(now()); left > 0; left = this.#left(now())) {
      await wait(Math.min(left, LEASE));
    }
    await touchDrive();
  }

  #left(now: number): number {
    return this.#latest + CLOCK_STEP - now;
  }

  /** Resolves when nothing is under way, and nothing begins by itself any more. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#resting;
    await this.#renewal?.catch(() => {});
  }

  async #renew(): Promise<void> {
    try {
      if (this.#resting !== undefined) await this.#resting;
      if (this.#refusal !== undefined) throw this.#refusal();
      this.#until = await this.#options.write();
      this.#watch();
    } finally {
      this.offer(this.#options.now() + LEASE);
      this.#renewal = undefined;
    }
  }

  /** One look a second while there is a lease; writes need no timer of their own. */
  #watch(milliseconds = REST_AFTER): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    this.#options.later(() => {
      this.#isWatched = false;
      if (this.#isOver || this.#until === 0) return;
      const left = REST_AFTER - (this.#options.now() - this.#lastActive);
      const isActive = !this.isQuiet || this.#renewal !== undefined;
      if (isActive || left > 0) this.#watch(left > 0 ? Math.min(left, REST_AFTER) : REST_AFTER);
      else this.#resting = this.#rest();
    }, milliseconds);
  }

  async #rest(): Promise<void> {
    try {
      await this.#options.rest();
      // Somebody has begun to write again.
      if (this.#until !== 0) this.#watch();
    } catch {
      // The next write meets what it failed at, too.
    } finally {
      this.#resting = undefined;
    }
  }
}

function lapsed(): TidemarkError {
  const hint = 'close the drive and open it again';
  return new TidemarkError('STORE_FAILED', 'the lease of the sidecar was given up', { hint });
}
