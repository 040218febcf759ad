import { randomBytes } from 'node:crypto';
import type { DriveFacts, KnownByFacts } from '@tidemark/block';
import { asUnchanged, type DirectoryEntry, TidemarkError } from '@tidemark/core';
import {
  type BitmapDirectory,
  boundTo,
  type Control,
  type ImageMetadata,
  type NewDirectory,
} from '@tidemark/qcow2';
import { findUnfinishedResize } from '../sidecar-size.ts';
import { areAtStake } from './at-stake.ts';
import { whyChanged } from './compare-facts.ts';
import { sampleOf } from './fingerprint.ts';
import type { Lease } from './lease.ts';
import type { Mismatch } from './mismatch.ts';
import { Notices } from './notices.ts';
import { PlaceWatch } from './place-watch.ts';
import { readBinding } from './read-binding.ts';
import { knownControl, RecordingSession } from './recording-session.ts';

/** The drive whose writes the bitmaps of a sidecar record; a `BlockDevice` will do. */
export interface BoundDrive extends Partial<KnownByFacts> {
  readonly label: string;
  /** Bytes. */
  readonly size: number;
  /** Needed for what is sampled: block devices. */
  read?(target: Uint8Array, offset: number): Promise<void>;
}

export interface BindingOptions {
  readonly image: ImageMetadata;
  readonly directory: BitmapDirectory;
  readonly drive: BoundDrive;
  /** Whoever opened the sidecar is the one who writes the drive. */
  readonly writesDrive: boolean;
  readonly isShared: boolean;
  /** The image of the sidecar has the drive for its data, so that QEMU can run on it. */
  readonly isDataFile: boolean;
  /** What the system says of the sidecar's own file. */
  readonly sidecar: Partial<KnownByFacts>;
  /** See `SidecarSessionOptions`. */
  readonly isReplaced: () => Promise<boolean>;
  /** What a user answers for. */
  readonly accepts: (why: Mismatch) => boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Calls `work` after so many milliseconds, unless the process ends before. */
  readonly later: (work: () => void, milliseconds: number) => void;
  /** As in `LeaseOptions`. */
  readonly wait?: ((milliseconds: number) => Promise<void>) | undefined;
  /** Names the sidecar in messages. */
  readonly label: string;
  readonly onNotice: (message: string) => void;
}

/**
 * Ties a sidecar to its drive. While nobody writes the drive, the sidecar says what the system says
 * of it, so that whoever opens it sees whether the drive was changed behind its back. While somebody
 * does, it says until when.
 */
export class Binding {
  readonly #options: BindingOptions;
  readonly #notices: Notices;
  readonly #session: RecordingSession;
  readonly #place: PlaceWatch;
  readonly #sessionId = randomBytes(16);
  readonly #storeId: Uint8Array;
  /** The facts that the sidecar has, where they are those of the drive as its bitmaps know it. */
  #idleFacts: DriveFacts | undefined;
  #isKnown = false;
  #isInUse = false;

  constructor(options: BindingOptions) {
    this.#options = options;
    this.#notices = new Notices(options.label, options.onNotice);
    const place = new PlaceWatch(options.isReplaced, this.#notices);
    this.#place = place;
    this.#session = new RecordingSession({ ...options, notices: this.#notices, place });
    this.#storeId = this.#control?.storeId ?? randomBytes(16);
  }

  get lease(): Lease {
    return this.#session.lease;
  }

  /**
   * The entries as they can be trusted; bitmaps that were valid while they were in use are adopted.
   * To be called once, before anything is changed.
   */
  async read(): Promise<readonly DirectoryEntry[]> {
    const { entries, isKnown, asLeft } = await readBinding(this.#options, this.#notices);
    this.#isKnown = isKnown;
    this.#idleFacts = asLeft;
    return entries;
  }

  /** Whether the sidecar says that QEMU may be writing the drive. */
  get isLent(): boolean {
    return this.#control?.state === 'lent';
  }

  /** See `BitmapStore`. */
  get id(): string | undefined {
    const { image } = this.#options;
    const isKept = this.#control !== undefined || (image.writable && image.hasRoomForControl);
    return isKept ? Buffer.from(this.#storeId).toString('hex') : undefined;
  }

  /** Whether the last session ended without a close, for all that is known. */
  get wasCut(): boolean {
    const control = this.#control;
    const isOpen = control?.state === 'busy' || (control?.liveEntries.length ?? 0) > 0;
    return isOpen && !this.#options.isShared;
  }

  /** Why bitmaps cannot be live in it, so that a crash would leave what can be vouched for. */
  get whyNotLive(): string | undefined {
    const { image, isDataFile } = this.#options;
    if (!this.#isKnown) return 'it cannot be learned whether its drive is changed';
    if (isDataFile) return 'QEMU can write its drive through it';
    return image.hasRoomForControl ? undefined : 'its header has no room for a lease';
  }

  /**
   * What the sidecar is to say of the drive beside a new directory. `atRest`: the state where no
   * bitmap is in use. For a drive that is going to be resized that is busy, and
   * until then the sidecar tells both of its sizes.
   * @throws I/O codes: the drive cannot be made durable as it is
   * @throws BITMAP_INCONSISTENT: somebody else has written the drive meanwhile
   */
  async prepare(
    entries: readonly DirectoryEntry[],
    atRest: Control['state'] = 'idle',
  ): Promise<(directory: NewDirectory) => Control> {
    const session = this.#session;
    session.assertTold();
    const { loss } = session;
    const state = entries.some(isOurs) ? 'busy' : atRest;
    const isLive = entries.some(({ live }) => live === true);
    const found = await this.#factsFor(state, isLive);
    if (found !== undefined) this.#assertAsFound(found);
    const drive = found && state === 'idle' ? await this.#sampled(found) : found;
    // Before the commit: nothing that has begun by then may call the drive at rest.
    if (atRest === 'busy') session.beginResize();
    return ({ seal, liveEntries, tokens }) => {
      if (session.loss !== loss) throw asUnchanged(session.loss);
      return {
        kind: 'sidecar',
        state,
        storeId: this.#storeId,
        sessionId: this.#sessionId,
        leaseUntil: session.offer({ isLive }),
        // The size that we know it to have: another one must not be taken for a resize of ours.
        ...boundTo(drive, this.#options.drive.size),
        directory: seal,
        liveEntries,
        tokens,
      };
    };
  }

  /** After the commit of what was prepared. */
  committed(entries: readonly DirectoryEntry[]): void {
    const control = this.#control;
    const isAtRest = control?.isBound === true && control.state !== 'busy';
    this.#isInUse = entries.some(isOurs);
    // The drive may have come to rest since the commit, which says nothing of what will be written.
    this.#idleFacts = isAtRest && !this.#isInUse ? control.drive : undefined;
    const live = entries.filter((entry) => entry.live === true);
    if (control !== undefined) this.#session.begin(control, { isLive: live.length > 0 });
    else if (this.#options.drive.facts !== undefined) this.#notices.noRoom();
    const named = new Set(this.#options.directory.namesAt(control?.liveEntries ?? []));
    this.#notices.notLive(live.filter(({ name }) => !named.has(name)));
  }

  /** What was prepared for a resize is not in place. */
  gaveUpResize(): void {
    const { image, drive } = this.#options;
    if (findUnfinishedResize(image) === undefined) this.#session.endResize(drive.size);
  }

  /**
   * The drive has, durably, the size that the sidecar has had since `prepare`. @throws I/O codes
   */
  async confirmSize(): Promise<void> {
    const { image, drive: resized } = this.#options;
    if (!this.#session.endResize(resized.size)) return;
    const state = this.#isInUse ? 'busy' : 'idle';
    const isLive = (this.#control?.liveEntries.length ?? 0) > 0;
    const drive = await this.#factsFor(state, isLive);
    if (drive === undefined) return;
    await image.commitControl((now) => {
      // At rest it says how the drive is now, and promises nothing.
      if (now.state !== 'busy') return undefined;
      return { ...now, state, drive, leaseUntil: state === 'idle' ? 0n : now.leaseUntil };
    });
    if (state === 'idle') this.#idleFacts = drive;
  }

  /**
   * To be called when nothing more is written. What this session has written to the drive while no
   * bitmap recorded is no reason to distrust the others. Where there are bitmaps to which it is one,
   * because they record or were given up, nothing is said. @throws I/O codes
   */
  async close(): Promise<void> {
    const { lease } = this.#session;
    await lease.stop();
    const { image, directory, writesDrive } = this.#options;
    // A copy that was made in the midst of a lease would take our writes for its own.
    if (writesDrive && (await this.#place.look())) await lease.lapse();
    const before = this.#idleFacts;
    if (!writesDrive || !image.writable || before === undefined) return;
    if (areAtStake(directory, this.#control)) return;
    const drive = await this.#options.drive.facts?.({ durable: true });
    if (drive === undefined || whyChanged(before, drive) === undefined) return;
    const sampled = await this.#sampled(drive);
    await image.commitControl((now) => {
      return { ...now, sessionId: this.#sessionId, drive: sampled };
    });
  }

  #factsFor(state: Control['state'], isLive: boolean): Promise<DriveFacts | undefined> {
    if (state !== 'busy') return this.#session.ownFacts({ durable: true });
    // What is older than these was put back by somebody.
    return isLive ? this.#session.lastingFacts() : this.#session.ownFacts({});
  }

  /** Between the look that made bitmaps trusted and their use, nobody may have written the drive. */
  #assertAsFound(drive: DriveFacts): void {
    const { directory, label } = this.#options;
    const isAtStake = directory.records.some(({ enabled, inUse }) => enabled && !inUse);
    const why = isAtStake && this.#idleFacts ? whyChanged(this.#idleFacts, drive) : undefined;
    if (why === undefined) return;
    const context = { where: label, rule: why.rule, hint: 'open the drive again' };
    throw new TidemarkError('BITMAP_INCONSISTENT', why.reason, context);
  }

  get #control(): Control | undefined {
    return knownControl(this.#options);
  }

  /** With a sample of a block device, which tells whether it was changed over a restart. */
  async #sampled(drive: DriveFacts): Promise<DriveFacts> {
    if (drive.kind !== 'block device') return drive;
    const before = this.#idleFacts;
    if (before?.kind === 'block device' && whyChanged(before, drive) === undefined) {
      return { ...drive, ...(before.fingerprint && { fingerprint: before.fingerprint }) };
    }
    const fingerprint = await sampleOf(this.#options.drive, this.#storeId);
    return { ...drive, ...(fingerprint !== undefined && { fingerprint }) };
  }
}

/** In use by this store: what was found in use has a reason. */
function isOurs({ inUse, reason, unsupported }: DirectoryEntry): boolean {
  return inUse && reason === undefined && unsupported === undefined;
}
