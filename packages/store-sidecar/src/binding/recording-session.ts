import type { DriveFacts, FactsOptions } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import type { Control } from '@tidemark/qcow2';
import type { BindingOptions } from './binding.ts';
import { DriveWatch, type Foreign, noLater } from './drive-watch.ts';
import { Lease, LEASE } from './lease.ts';
import type { Notices } from './notices.ts';
import type { PlaceWatch } from './place-watch.ts';

const NS_PER_MS = 1_000_000n;
/** Milliseconds by which times of files may be behind the clock: see `settledFacts` of block. */
const CLOCK_STEP = 20;

export interface SessionOptions extends BindingOptions {
  readonly notices: Notices;
  readonly place: PlaceWatch;
}

/**
 * While bitmaps are live: what the sidecar says of the drive between two changes of its directory.
 * It is busy, with a lease, while the drive is written, and at rest when that ends for a while.
 */
export class RecordingSession {
  readonly lease: Lease;
  readonly #options: SessionOptions;
  readonly #watch: DriveWatch;
  #loss: TidemarkError | undefined;
  #isTold = true;
  #isResizing = false;
  /** The lease of the last commit was given up when the header was changed once more. */
  #isGivenUp = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { now, later, wait } = options;
    const write = () => this.#writeLease();
    const touchDrive = () => this.#touchDrive();
    this.lease = new Lease({ now, later, wait, write, rest: () => this.#rest(), touchDrive });
    this.#watch = new DriveWatch(this.lease, async (wanted) => options.drive.facts?.(wanted));
  }

  /** Why live bitmaps were given up last. */
  get loss(): TidemarkError | undefined {
    return this.#loss;
  }

  /** @throws BITMAP_INCONSISTENT: bitmaps were given up, and the store has not heard of it */
  assertTold(): void {
    if (!this.#isTold) throw this.#tell();
  }

  /** The end of a commit's lease, in the tick in which its change of the header is composed. */
  offer({ isLive }: { readonly isLive: boolean }): bigint {
    this.#isGivenUp = false;
    if (!isLive) return 0n;
    const end = this.#leaseEnd();
    this.lease.offer(Number(end / NS_PER_MS));
    return end;
  }

  /** After the commit. */
  begin({ leaseUntil }: Control, { isLive }: { readonly isLive: boolean }): void {
    if (!this.#isGivenUp) this.lease.grant(Number(leaseUntil / NS_PER_MS));
    if (isLive) this.#watch.start();
    else this.#watch.stop();
  }

  /**
   * The drive is going to be resized: until that is over, it is being written, and is not at rest.
   */
  beginResize(): void {
    if (this.#isResizing) return;
    this.#isResizing = true;
    this.lease.begin();
  }

  /** The drive has that size, in bytes. @returns whether it was being resized */
  endResize(size: number): boolean {
    if (!this.#isResizing) return false;
    this.#isResizing = false;
    this.lease.end();
    this.#watch.resized(size);
    return true;
  }

  /**
   * What the system says of the drive, where it is what our own writes have made of it.
   * @throws BITMAP_INCONSISTENT: it is not, and no live bitmap is trusted any more, durably
   */
  async ownFacts(options: FactsOptions): Promise<DriveFacts | undefined> {
    const { facts, foreign } = await this.#watch.look(options);
    if (foreign !== undefined) await this.#lose(foreign);
    return facts;
  }

  /** As `ownFacts`. A power cut does not make them older, whatever is written meanwhile. */
  async lastingFacts(): Promise<DriveFacts | undefined> {
    // Of what is written after the sync the times are not durable.
    const before = await this.#options.drive.facts?.();
    const facts = await this.ownFacts({ durable: true, settled: false });
    return facts && noLater(facts, before);
  }

  async #touchDrive(): Promise<void> {
    const { drive, label } = this.#options;
    const facts = await drive.facts?.({ touched: true, durable: true });
    if (facts?.kind === 'file') return;
    // Nothing counts what is not written.
    throw new TidemarkError('DEVICE_UNSUPPORTED', `${label} is not beside a file`, {
      where: label,
    });
  }

  #leaseEnd(): bigint {
    return BigInt(this.#options.now() + LEASE) * NS_PER_MS;
  }

  async #writeLease(): Promise<number> {
    const { image, label, place } = this.#options;
    await place.look();
    const control = knownControl(this.#options);
    const isDisk = control?.drive.kind === 'block device';
    // Of a block device what we have written is counted after a sync: none while it is written.
    const isCounted = isDisk && control?.state === 'idle';
    await this.ownFacts({ durable: isCounted, settled: false });
    let until = 0n;
    await image.commitControl((found) => {
      // Facts of a drive whose bitmaps do not record are no promise of anybody's.
      if (found.liveEntries.length === 0) return undefined;
      until = this.#leaseEnd();
      return {
        ...found,
        state: 'busy',
        leaseUntil: until,
        drive: this.#noLaterThanNow(found.drive),
      };
    });
    if (until === 0n) throw notInUse(label);
    return Number(until / NS_PER_MS);
  }

  /** After the clock was set back, what is written is older than what was written before. */
  #noLaterThanNow(drive: DriveFacts): DriveFacts {
    if (drive.kind !== 'file') return drive;
    const now = BigInt(this.#options.now() - CLOCK_STEP) * NS_PER_MS;
    return noLater(drive, { ...drive, modified: now, changed: now });
  }

  /**
   * The drive was not written for a while: until it is again, what the system says of it tells more
   * than a lease. The commit point is the change of the control extension.
   */
  async #rest(): Promise<void> {
    const { begun } = this.lease;
    const drive = await this.ownFacts({ durable: true }).catch((error: unknown) => {
      // Nobody waits for this.
      if (error === this.#loss) this.#isTold = false;
      throw error;
    });
    if (drive === undefined) return;
    await this.#options.image.commitControl((control) => {
      const isQuiet = this.lease.isQuiet && this.lease.begun === begun;
      if (!isQuiet || control.state === 'idle') return undefined;
      this.#isGivenUp = true;
      this.lease.giveUp();
      return { ...control, state: 'idle', leaseUntil: 0n, drive };
    });
  }

  async #lose({ why, expected }: Foreign): Promise<never> {
    const { image, label, directory, notices } = this.#options;
    // Facts that the drive has not will never be its facts again: who opens the sidecar next finds
    // the same rule broken. Where it says that it is at rest, it has such facts already.
    await image.commitControl((control) => {
      if (control.state === 'idle') return undefined;
      this.#isGivenUp = true;
      return { ...control, state: 'idle', leaseUntil: 0n, drive: expected };
    });
    const names = directory.namesAt(knownControl(this.#options)?.liveEntries ?? []);
    notices.lost(names, why.reason);
    const hint = 'rescan it by its last backup, or remove it and start with a full one';
    const context = { where: label, rule: why.rule, hint };
    this.#loss = new TidemarkError('BITMAP_INCONSISTENT', why.reason, context);
    this.#watch.stop();
    this.lease.refuse(() => this.#tell());
    throw this.#tell();
  }

  #tell(): TidemarkError {
    this.#isTold = true;
    return this.#loss!;
  }
}

export function knownControl({ image }: Pick<BindingOptions, 'image'>): Control | undefined {
  const found = image.control;
  return found !== undefined && 'control' in found ? found.control : undefined;
}

function notInUse(label: string): TidemarkError {
  return new TidemarkError('STORE_FAILED', `${label} does not say that it is in use`, {
    where: label,
    hint: 'close the drive and open it again',
  });
}
