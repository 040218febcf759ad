import { randomBytes } from 'node:crypto';
import type { DriveFacts, KnownByFacts } from '@tidemark/block';
import { type DirectoryEntry, isTidemarkError, TidemarkError } from '@tidemark/core';
import type { BitmapDirectory, Control, ImageMetadata, NewDirectory } from '@tidemark/qcow2';
import { whyChanged } from './compare-facts.ts';
import { judge, type Verdict } from './judge.ts';
import { Lease, LEASE } from './lease.ts';
import { mismatch } from './mismatch.ts';
import { Notices } from './notices.ts';

const NS_PER_MS = 1_000_000n;

/** The drive whose writes the bitmaps of a sidecar record; a `BlockDevice` will do. */
export interface BoundDrive extends Partial<KnownByFacts> {
  readonly label: string;
  /** Bytes. */
  readonly size: number;
}

export interface BindingOptions {
  readonly image: ImageMetadata;
  readonly directory: BitmapDirectory;
  readonly drive: BoundDrive;
  /** Whoever opened the sidecar is the one who writes the drive. */
  readonly writesDrive: boolean;
  readonly isShared: boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Names the sidecar in messages. */
  readonly label: string;
  readonly onNotice: (message: string) => void;
}

/**
 * Ties a sidecar to its drive. While nobody records, the sidecar says what the system says of the
 * drive, so that whoever opens it sees whether the drive was changed behind its back. While somebody
 * does, it says until when.
 */
export class Binding {
  readonly lease: Lease;
  readonly #options: BindingOptions;
  readonly #notices: Notices;
  readonly #sessionId = randomBytes(16);
  readonly #storeId: Uint8Array;
  /** The facts that the sidecar has, where they are those of the drive as its bitmaps know it. */
  #idleFacts: DriveFacts | undefined;
  #isFile = false;

  constructor(options: BindingOptions) {
    this.#options = options;
    this.#notices = new Notices(options.label, options.onNotice);
    this.#storeId = this.#control?.storeId ?? randomBytes(16);
    this.lease = new Lease({ now: options.now, write: () => this.#writeLease() });
  }

  /**
   * The entries as they can be trusted; bitmaps that were valid while they were in use are adopted.
   * To be called once, before anything is changed.
   */
  async read(): Promise<readonly DirectoryEntry[]> {
    const { image, directory, isShared, now } = this.#options;
    const drive = await this.#facts();
    this.#isFile = drive?.kind === 'file';
    const found = image.control;
    if (found === undefined && drive !== undefined && directory.records.length > 0) {
      this.#notices.unbound();
    }
    const control = this.#control;
    const isIdle = control?.state === 'idle' && drive !== undefined;
    if (isIdle && whyChanged(control.drive, drive) === undefined) this.#idleFacts = drive;
    const live = new Set(directory.namesAt(control?.liveEntries ?? []));
    const { seal } = directory;
    const verdict = judge({ found, drive, seal, live, isShared, now: now() });
    const { records } = directory;
    const verdicts = new Map(records.map((record) => [record.name, this.#adopt(record, verdict)]));
    this.#notices.recovered(records.filter(({ name }) => isRecovered(verdicts.get(name)!)));
    return directory.records.map((record) => {
      const found = verdicts.get(record.name)!;
      return 'reason' in found ? { ...record, inUse: true, ...found } : record;
    });
  }

  /** Whether the last session ended without a close, for all that is known. */
  get wasCut(): boolean {
    return this.#control?.state === 'busy' && !this.#options.isShared;
  }

  /** Whether bitmaps can be live in it: a crash would leave what this version can vouch for. */
  get canRecover(): boolean {
    return this.#isFile && this.#options.image.hasRoomForControl;
  }

  /**
   * What the sidecar is to say of the drive beside a new directory. Undefined: nothing.
   * @throws I/O codes: the drive cannot be made durable as it is
   */
  async prepare(
    entries: readonly DirectoryEntry[],
  ): Promise<((directory: NewDirectory) => Control) | undefined> {
    const state = entries.some(isOurs) ? 'busy' : 'idle';
    const drive = await this.#facts({ durable: state === 'idle' });
    if (drive === undefined) return undefined;
    const isLive = entries.some(({ live }) => live === true);
    return ({ seal, liveEntries }) => ({
      state,
      storeId: this.#storeId,
      sessionId: this.#sessionId,
      leaseUntil: isLive ? this.#leaseEnd() : 0n,
      drive,
      directory: seal,
      liveEntries,
    });
  }

  /** After the commit of what was prepared. */
  committed(entries: readonly DirectoryEntry[]): void {
    const control = this.#control;
    this.#idleFacts = control?.state === 'idle' ? control.drive : undefined;
    if (control !== undefined) this.lease.grant(Number(control.leaseUntil / NS_PER_MS));
    else if (this.#options.drive.facts !== undefined) this.#notices.noRoom();
    const live = entries.filter((entry) => entry.live === true);
    const named = new Set(this.#options.directory.namesAt(control?.liveEntries ?? []));
    this.#notices.notLive(live.filter(({ name }) => !named.has(name)));
  }

  /**
   * To be called when nothing more is written. What this session has written to the drive while no
   * bitmap recorded is no reason to distrust the others. @throws I/O codes
   */
  async close(): Promise<void> {
    await this.lease.settled();
    const { image, writesDrive } = this.#options;
    const before = this.#idleFacts;
    if (!writesDrive || !image.writable || before === undefined) return;
    const drive = await this.#facts({ durable: true });
    if (drive === undefined || whyChanged(before, drive) === undefined) return;
    await image.commitControl((now) => ({ ...now, sessionId: this.#sessionId, drive }));
  }

  #adopt(record: DirectoryEntry, judged: (entry: DirectoryEntry) => Verdict): Verdict {
    const verdict = judged(record);
    if (!isRecovered(verdict)) return verdict;
    try {
      this.#options.directory.adopt(record.name);
      return verdict;
    } catch (error) {
      if (!isTidemarkError(error)) throw error;
      return mismatch('table', error.message);
    }
  }

  /** When the change of the header is composed: of two leases the later one is written later. */
  #leaseEnd(): bigint {
    return BigInt(this.#options.now() + LEASE) * NS_PER_MS;
  }

  async #writeLease(): Promise<number> {
    let until = 0n;
    await this.#options.image.commitControl((control) => {
      // Facts of a drive at rest are no promise of anybody's.
      if (control.state === 'idle') return undefined;
      until = this.#leaseEnd();
      return { ...control, leaseUntil: until };
    });
    if (until === 0n) throw notInUse(this.#options.label);
    return Number(until / NS_PER_MS);
  }

  get #control(): Control | undefined {
    const found = this.#options.image.control;
    return found !== undefined && 'control' in found ? found.control : undefined;
  }

  async #facts(options: { readonly durable?: boolean } = {}): Promise<DriveFacts | undefined> {
    return this.#options.drive.facts?.(options);
  }
}

/** In use by this very store: what was found in use has a reason. */
function isOurs({ inUse, reason, unsupported }: DirectoryEntry): boolean {
  return inUse && reason === undefined && unsupported === undefined;
}

function isRecovered(verdict: Verdict): boolean {
  return 'recovered' in verdict && verdict.recovered;
}

function notInUse(label: string): TidemarkError {
  return new TidemarkError('STORE_FAILED', `${label} does not say that it is in use`, {
    where: label,
    hint: 'close the drive and open it again',
  });
}
