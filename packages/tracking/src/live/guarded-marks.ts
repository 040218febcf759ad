import { isTidemarkError, TidemarkError } from '@tidemark/core';
import type { DurableMarks } from '../tracked-device.ts';
import type { DiskRange } from './live-bitmap.ts';
import type { LiveMarks } from './live-marks.ts';
import { MarkFailure } from './mark-failure.ts';

/**
 * What becomes of a write whose mark cannot be made durable. None is ever made without its mark.
 * - `stop`: it waits, and the mark is tried again until it can be made or the drive is closed.
 * - `report`: it fails, with what went wrong.
 * - `drop`: the bitmaps that lack the mark are given up, durably, and it goes on without them. Where
 *   they cannot be, as `stop`.
 */
export type TrackingErrorPolicy = 'stop' | 'report' | 'drop';

/** What the trouble is that writes wait for. */
export interface TrackingTrouble {
  /** For people: what went wrong. */
  readonly reason: string;
  /** Whether room on the disk would mend it. */
  readonly isFull: boolean;
}

export interface GuardedMarksOptions {
  readonly marks: LiveMarks;
  readonly policy: TrackingErrorPolicy;
  /** Names the drive in messages. */
  readonly label: string;
  /** Told once each time that writes begin to wait, and what is given up. */
  readonly onWarning: (message: string) => void;
  /** Milliseconds until the first new attempt; it doubles with each, up to 5 s. Default 100. */
  readonly retryAfter?: number;
}

const RETRY_AFTER = 100;
const RETRY_AFTER_MAX = 5000;

/** Marks, and what is done where they cannot be made. */
export class GuardedMarks implements DurableMarks {
  readonly #options: GuardedMarksOptions;
  readonly #ending = Promise.withResolvers<void>();
  #hasEnded = false;
  #trouble: TrackingTrouble | undefined;
  #delay = 0;
  /** The pause that all who wait share, and what was tried at its end. */
  #attempt: Promise<void> | undefined;

  constructor(options: GuardedMarksOptions) {
    this.#options = options;
  }

  /** Present while writes wait because marks cannot be made. */
  get trouble(): TrackingTrouble | undefined {
    return this.#trouble;
  }

  covers(range: DiskRange): boolean {
    return this.#options.marks.covers(range);
  }

  /** @throws what went wrong, where the policy is to report it, or the waiting was ended */
  async cover(range: DiskRange): Promise<void> {
    try {
      if (await this.#options.marks.cover(range)) this.#recovered();
    } catch (error) {
      if (!(error instanceof MarkFailure)) throw error;
      await this.#handle(error);
    }
  }

  begin(): void {
    this.#options.marks.begin();
  }

  end(): void {
    this.#options.marks.end();
  }

  /** Whoever waits, and whoever would have to, fails from now on. */
  endWaiting(): void {
    this.#hasEnded = true;
    this.#ending.resolve();
  }

  async #handle(failure: MarkFailure): Promise<void> {
    const { cause } = failure;
    // Ours alone, and no fault of a disk: waiting for it would hide it.
    if (!isTidemarkError(cause)) throw cause;
    const { policy } = this.#options;
    if (policy === 'report') throw cause;
    this.#attempt ??= this.#next(failure, cause).finally(() => {
      this.#attempt = undefined;
    });
    await this.#attempt;
    if (this.#hasEnded) throw ended(this.#options.label, cause);
  }

  async #next(failure: MarkFailure, cause: TidemarkError): Promise<void> {
    if (this.#options.policy === 'drop' && (await this.#drop(failure, cause))) return;
    this.#tell(cause);
    this.#delay = Math.min(RETRY_AFTER_MAX, this.#delay * 2 || this.#firstDelay);
    let timer: NodeJS.Timeout | undefined;
    const pause = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#delay);
    });
    await Promise.race([pause, this.#ending.promise]);
    clearTimeout(timer);
  }

  async #drop({ trackings }: MarkFailure, cause: TidemarkError): Promise<boolean> {
    try {
      for (const abandon of new Set(trackings.map((tracking) => tracking.abandon))) {
        if (abandon === undefined) return false;
        await abandon();
      }
    } catch {
      return false;
    }
    const { label, onWarning } = this.#options;
    onWarning(
      `drive '${label}': bitmaps were given up, since writes could not be marked: ${cause.message}`,
    );
    return true;
  }

  get #firstDelay(): number {
    return this.#options.retryAfter ?? RETRY_AFTER;
  }

  #tell(cause: TidemarkError): void {
    const isNew = this.#trouble === undefined;
    this.#trouble = { reason: cause.message, isFull: cause.code === 'NO_SPACE' };
    if (!isNew) return;
    const { label, onWarning } = this.#options;
    onWarning(
      `drive '${label}': writes wait, since they cannot be marked in bitmaps: ${cause.message}`,
    );
  }

  #recovered(): void {
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#delay = 0;
    this.#options.onWarning(`drive '${this.#options.label}': writes can be marked again`);
  }
}

function ended(where: string, cause: TidemarkError): TidemarkError {
  const text = `the drive was closed while a write waited for its mark: ${cause.message}`;
  return new TidemarkError(cause.code, text, { where, hint: 'write it again' }, cause);
}
