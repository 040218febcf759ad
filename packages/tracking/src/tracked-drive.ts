import type { BlockDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import type { BitmapAction } from './bitmap-action.ts';
import { closeDrive } from './close-drive.ts';
import { describeBitmap, describeState } from './describe-bitmap.ts';
import {
  type DriveBitmap,
  type DriveBitmapInfo,
  type DriveBitmapState,
  recordingContent,
} from './drive-bitmap.ts';
import { type DriveState, stateOf } from './drive-state.ts';
import type { TrackingTrouble } from './live/guarded-marks.ts';
import { beginFreeze, type FreezeEnd, releaseFreeze } from './freeze.ts';
import { bitmapNotFound, driveClosing, refusal } from './messages.ts';
import { narrowRegularly } from './narrow-regularly.ts';
import {
  Rescan,
  type RescanOptions,
  type RescanProgress,
  type RunningRescan,
} from './rescan/rescan.ts';
import { runTransaction } from './run-transaction.ts';
import type { TrackedDevice } from './tracked-device.ts';

/** Reads the bits of one bitmap of a drive, and of no other that comes to have its name. */
export interface BitmapReader {
  readonly name: string;
  /**
   * The bits as they are now, for reading only. Ask again for each use: a clear puts others in
   * their place. Bits at rest are read when they are first asked for.
   * @throws BITMAP_NOT_FOUND once it is removed, I/O codes of the store
   */
  content(): DirtyBitmap | Promise<DirtyBitmap>;
}

/**
 * A device, the bitmaps that record its writes, and the stores they are kept in. Made by
 * `openTrackedDrive`; owns all of them until `close`.
 */
export class TrackedDrive implements AsyncDisposable {
  /** Names the drive in messages; the daemon's id of it. */
  readonly label: string;
  /** The disk: every change made through it is recorded. `close` the drive, not the device. */
  readonly device: BlockDevice;
  readonly #device: TrackedDevice;
  readonly #state: DriveState;
  readonly #narrowing: NodeJS.Timeout;
  readonly #closes = new AbortController();
  #closing: Promise<void> | undefined;

  constructor(device: TrackedDevice, state: DriveState) {
    this.label = state.label;
    this.device = device;
    this.#device = device;
    this.#state = state;
    stateOf.set(this, state);
    this.#narrowing = narrowRegularly(this);
  }

  get writable(): boolean {
    return this.#state.writable;
  }

  /** Present while writes wait because they cannot be marked in bitmaps. */
  get trouble(): TrackingTrouble | undefined {
    return this.#state.guard.trouble;
  }

  /** Writes that wait for marks that cannot be made fail now, and so will others: a close is near. */
  endWaiting(): void {
    this.#state.guard.endWaiting();
  }

  /** Newest first, as QEMU answers queries. Reads the bits of bitmaps at rest for their counts. */
  async list(): Promise<readonly DriveBitmapInfo[]> {
    return this.#state.exclusive(async () => {
      const infos: DriveBitmapInfo[] = [];
      for (const bitmap of this.#state.bitmaps.values()) infos.push(await this.#infoOf(bitmap));
      return infos.toReversed();
    });
  }

  /** As `list`, without what has to be counted: reads no bits. */
  async states(): Promise<readonly DriveBitmapState[]> {
    const state = this.#state;
    return state.exclusive(async () =>
      Array.from(state.bitmaps.values(), (each) => describeState(state, each)).toReversed(),
    );
  }

  /**
   * Counts bits that are not in memory yet while others go on: `glance` reads nothing afterwards. Given
   * up where the drive is closed meanwhile.
   */
  async countAhead(): Promise<void> {
    for (const { content } of this.#state.bitmaps.values()) {
      await content?.countAhead(this.#closes.signal);
    }
  }

  /**
   * As `list`, of what is known without reading or waiting, in the midst of a change too. Of a bitmap
   * at rest whose bits nobody has asked for, the count is 0. `maxAge`: milliseconds, of what is told
   * of a recovery, which costs a look at all bits.
   */
  glance({ maxAge = 0 }: { readonly maxAge?: number } = {}): readonly DriveBitmapInfo[] {
    const bitmaps = [...this.#state.bitmaps.values()];
    const infos = bitmaps.map((bitmap) => {
      const content = bitmap.condition === 'sound' ? this.#bitsOf(bitmap) : undefined;
      return describeBitmap(this.#state, bitmap, content, maxAge);
    });
    return infos.toReversed();
  }

  /**
   * The bits of a bitmap as they are now, for reading only. Ask again for each use: a clear puts
   * others in their place. Undefined when the bitmap is gone, is not sound, or is at rest and was
   * not loaded yet.
   */
  bitmap(name: string): DirtyBitmap | undefined {
    const bitmap = this.#state.closing ? undefined : this.#state.bitmaps.get(name);
    return bitmap && this.#bitsOf(bitmap);
  }

  /** The bits of a bitmap that records and is sound, as they are now, for reading only. */
  recording(name: string): DirtyBitmap | undefined {
    const bitmap = this.#state.closing ? undefined : this.#state.bitmaps.get(name);
    return bitmap?.condition === 'sound' ? recordingContent(bitmap) : undefined;
  }

  /** Those bitmaps that can be read, newest first. Reads no bits. */
  readers(): readonly BitmapReader[] {
    const sound = [...this.#state.bitmaps.values()].filter(
      ({ condition }) => condition === 'sound',
    );
    return sound.toReversed().map((bitmap) => this.#readerOf(bitmap));
  }

  /**
   * As `bitmap`, but reads the bits of a bitmap at rest; `bitmap` knows them afterwards.
   * @throws BITMAP_NOT_FOUND, BITMAP_INCONSISTENT, BITMAP_UNSUPPORTED, I/O codes of the store
   */
  async load(name: string): Promise<DirtyBitmap> {
    return this.#state.exclusive(() => this.#load(this.#state.findSound(name)));
  }

  /** Of the bits as they lie on disk, in hex; of a bitmap that is not sound, as if it were empty. */
  async sha256(name: string): Promise<string> {
    return this.#state.exclusive(async () => {
      const bitmap = this.#state.find(name);
      if (bitmap.condition === 'sound') return (await this.#load(bitmap)).sha256();
      return new DirtyBitmap(bitmap.keeper.diskSize, bitmap.granularity).sha256();
    });
  }

  /** Makes all of the changes, in order, or none. @throws as the first action that fails */
  async transaction(actions: readonly BitmapAction[]): Promise<void> {
    return runTransaction(actions.map((action) => ({ drive: this, action })));
  }

  /**
   * Brings a bitmap back by comparing the drive with what it held at a restore point, while it is in
   * use. When this resolves, the bitmap is in place, durably: it records, begins at that point and
   * calls all of the drive dirty. What is found to be as it was then turns clean step by step. A
   * crash, or an end before its time, loses only progress where bitmaps are live.
   * @throws BACKUP_DRIVE_MISMATCH (the size), BITMAP_BUSY, BITMAP_INVALID, BITMAP_READ_ONLY,
   *   BITMAP_TOO_LARGE, BITMAP_UNSUPPORTED, STORE_READ_ONLY, DEVICE_CLOSED; I/O codes of the store
   */
  async beginRescan(options: RescanOptions): Promise<RunningRescan> {
    if (this.#closing !== undefined) throw driveClosing(this.label);
    const rescan = new Rescan(this.#device, this.#state, options);
    const { longWorks } = this.#state;
    longWorks.add(rescan);
    const over = () => void longWorks.delete(rescan);
    rescan.finished.then(over, over);
    await rescan.begun;
    return rescan;
  }

  /** As `beginRescan`, to its end. @throws as it, and as `RunningRescan.finished` */
  async rescan(options: RescanOptions): Promise<RescanProgress> {
    const { finished } = await this.beginRescan(options);
    return finished;
  }

  /**
   * Puts the truth back on disk where live bitmaps are marked beyond it and nothing was written for
   * a while. Done by itself every few seconds; best effort.
   */
  async narrow(): Promise<void> {
    await this.#state.marks.narrowIdle();
  }

  /**
   * Keeps a bitmap busy, so that nobody changes it, until the given function is called.
   * @throws BITMAP_NOT_FOUND, BITMAP_BUSY, BITMAP_INCONSISTENT, BITMAP_UNSUPPORTED
   */
  async hold(name: string): Promise<() => void> {
    const state = this.#state;
    return state.exclusive(async () => {
      state.findSound(name);
      if (state.held.has(name)) throw refusal('busy', state.label, name);
      state.held.add(name);
      // Another holder may have come by the time somebody lets go a second time.
      let isHeld = true;
      return () => {
        if (isHeld) state.held.delete(name);
        isHeld = false;
      };
    });
  }

  /**
   * Makes all who read a bitmap see its bits as they are in this instant, until it is released, and
   * keeps it busy. What is written from then on is recorded apart; on disk the bitmap holds both, so
   * that a crash leaves a superset and ends the freeze. @returns its id
   * @throws BITMAP_NOT_FOUND, BITMAP_BUSY, BITMAP_INCONSISTENT, BITMAP_UNSUPPORTED; I/O codes
   */
  async freeze(name: string): Promise<string> {
    const state = this.#state;
    return state.exclusive(async () => {
      const bitmap = state.findSound(name);
      if (state.held.has(name)) throw refusal('busy', state.label, name);
      return beginFreeze(state, name, await this.#load(bitmap)).id;
    });
  }

  /**
   * Ends a freeze. With `clear`, which needs the copy to be durable, the bitmap is what was written
   * since it began, durably and after a flush of the drive; else it is as if there had been none.
   * @throws BITMAP_INVALID: another freeze, or none, or no checkpoint; BITMAP_BUSY: somebody holds
   *   it; BITMAP_NOT_FOUND, BITMAP_INCONSISTENT: it was lost meanwhile; BITMAP_READ_ONLY; I/O codes.
   *   The freeze goes on then
   */
  async release(end: FreezeEnd): Promise<void> {
    await releaseFreeze(this.#state, end, () => this.#device.flush());
  }

  /**
   * Refuses writes from now on, waits for those under way, flushes, and only then stores the
   * bitmaps and calls them clean. Where the flush or a store fails, they stay flagged as in use.
   * Idempotent. @throws the first thing that failed, after everything was closed
   */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    clearInterval(this.#narrowing);
    this.#closes.abort();
    await closeDrive(this.#device, this.#state);
  }

  #readerOf({ name, identity }: DriveBitmap): BitmapReader {
    const state = this.#state;
    const find = () => {
      // What is in memory then is not what somebody else may have made of it since.
      state.assertOpen();
      const bitmap = state.findSound(name);
      if (bitmap.identity !== identity) throw bitmapNotFound(state.label, name);
      return bitmap;
    };
    return {
      name,
      content: () => this.#bitsOf(find()) ?? state.exclusive(() => this.#load(find())),
    };
  }

  /** What readers see. */
  #bitsOf({ name, content }: DriveBitmap): DirtyBitmap | undefined {
    return this.#state.freezes.get(name)?.bits ?? content;
  }

  async #load(bitmap: DriveBitmap): Promise<DirtyBitmap> {
    const bits = this.#bitsOf(bitmap);
    if (bits !== undefined) return bits;
    const content = await bitmap.keeper.load(bitmap.name);
    this.#state.replace({ ...bitmap, content });
    return content;
  }

  async #infoOf(bitmap: DriveBitmap): Promise<DriveBitmapInfo> {
    const content = bitmap.condition === 'sound' ? await this.#load(bitmap) : undefined;
    await content?.countAhead();
    return describeBitmap(this.#state, bitmap, content);
  }
}
