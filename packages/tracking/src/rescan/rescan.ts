import type { BlockDevice } from '@tidemark/block';
import { DirtyBitmap, TidemarkError } from '@tidemark/core';
import type { DriveState } from '../drive-state.ts';
import { bitmapNotFound, driveClosing } from '../messages.ts';
import { changeDrives } from '../run-transaction.ts';
import { type Compared, Comparison } from './compare.ts';
import { cutPieces, DigestsFailed, type DigestSource, type Piece } from './digest-source.ts';
import { planRescan } from './plan-rescan.ts';
import { Trust, type TrustedBitmap } from './trust.ts';

/** Bytes of the drive, by granules of the source; what is written meanwhile is not counted. */
export interface RescanProgress {
  readonly done: number;
  readonly total: number;
  /** Of `done`, what is as it was. */
  readonly clean: number;
  readonly dirty: number;
  /** Of `clean`, what was not read: a trusted bitmap tells it. */
  readonly known: number;
}

/** What `rescan` compares, and the bitmap that comes back so. */
export interface RescanOptions {
  /** Made if it is missing, and made anew if it is there. */
  readonly name: string;
  readonly source: DigestSource;
  /** Bytes. Default: as it was, or as new bitmaps of the drive have it. */
  readonly granularity?: number | undefined;
  /** What it calls clean is not read. Passed over where it is not what it has to be. */
  readonly trusted?: TrustedBitmap | undefined;
  /**
   * Bytes that are compared before the drive is flushed and what was found is put on disk. Default
   * 256 MiB.
   */
  readonly batchSize?: number | undefined;
  readonly onProgress?: ((progress: RescanProgress) => void) | undefined;
  /** What was found out until then stays. */
  readonly signal?: AbortSignal | undefined;
}

/** A rescan under way: the bitmap is in place, records, and is valid at each moment. */
export interface RunningRescan {
  /** The trusted bitmap, where it is what it has to be. Undefined: all of the drive is compared. */
  readonly trusts: string | undefined;
  readonly progress: RescanProgress;
  /** @throws CANCELLED, DEVICE_CLOSED, what the device, the store and the source throw */
  readonly finished: Promise<RescanProgress>;
}

const READS_AT_ONCE = 4;
const DEFAULT_BATCH_SIZE = 256 * 1024 * 1024;
/** Bytes of the drive whose bits are put on disk at once: one sector of bits, by usual granules. */
const NARROW_SIZE = 256 * 1024 * 1024;

export class Rescan implements RunningRescan {
  readonly finished: Promise<RescanProgress>;
  readonly begun: Promise<void>;
  progress: RescanProgress;
  readonly #device: BlockDevice;
  readonly #state: DriveState;
  readonly #options: RescanOptions;
  #isEnded = false;
  #identity: symbol | undefined;
  #trust: Trust | undefined;
  /** Bytes up to which the bitmap is what was found. */
  #settled = 0;

  constructor(device: BlockDevice, state: DriveState, options: RescanOptions) {
    this.#device = device;
    this.#state = state;
    this.#options = options;
    this.progress = { done: 0, total: device.size, clean: 0, dirty: 0, known: 0 };
    this.begun = this.#begin();
    this.finished = this.#run();
    // Who asked is told of a failure, now or later.
    this.finished.catch(() => {});
  }

  get trusts(): string | undefined {
    return this.#trust?.name;
  }

  /** The drive is closing. */
  end(): void {
    this.#isEnded = true;
  }

  async #begin(): Promise<void> {
    const { name, granularity, source, trusted } = this.#options;
    const state = this.#state;
    checkSize(this.#device, source);
    const { checkpoint } = source;
    try {
      await changeDrives([state], (drafts) => {
        // It may be the one that goes.
        this.#trust = Trust.begin(state, trusted);
        planRescan(drafts.get(state)!, { name, granularity, checkpoint });
        return [];
      });
    } catch (error) {
      this.#trust?.end();
      throw error;
    }
    this.#identity = state.find(name).identity;
  }

  async #run(): Promise<RescanProgress> {
    await this.begun;
    const { name } = this.#options;
    const { recorder, held } = this.#state;
    // The truth to be. Writes count from here on, those under way included: what they change while
    // it is read was not compared.
    const { diskSize, granularity } = this.#bits();
    const found = new DirtyBitmap(diskSize, granularity);
    recorder.attach(found);
    const toLookAt = this.#trust?.end();
    try {
      await this.#compareAll(found, toLookAt);
      return this.progress;
    } catch (error) {
      if (!(error instanceof DigestsFailed)) throw error;
      await this.#takeBack();
      throw error.cause;
    } finally {
      recorder.detach(found);
      held.delete(name);
    }
  }

  async #compareAll(found: DirtyBitmap, toLookAt: DirtyBitmap | undefined): Promise<void> {
    const { source } = this.#options;
    const comparison = new Comparison(this.#device, source, found, toLookAt);
    const pieces = cutPieces(source);
    try {
      for (let end = 0; end < source.size;) {
        end = await this.#compareSome(pieces, comparison);
        await this.#settle(found, end);
      }
      // Only now the source has said its last word.
      await pieces.next();
    } finally {
      await pieces.return();
    }
  }

  /** Resolves to where the pieces end that are through. */
  async #compareSome(pieces: AsyncGenerator<Piece>, comparison: Comparison): Promise<number> {
    let end = this.progress.done;
    const stop = end + (this.#options.batchSize ?? DEFAULT_BATCH_SIZE);
    const work = async () => {
      while (end < stop) {
        this.#assertGoingOn();
        const { done, value } = await pieces.next();
        if (done === true) return;
        end = value.offset + value.length;
        this.#advance(value.length, await comparison.look(value));
      }
    };
    const workers = Array.from({ length: READS_AT_ONCE }, () =>
      work().catch((error: unknown) => {
        // The others need not go on.
        end = stop;
        throw error;
      }),
    );
    const results = await Promise.allSettled(workers);
    const failures = results.flatMap((it) => (it.status === 'rejected' ? [it.reason] : []));
    // What the source takes back matters more than what else went wrong.
    const worst: unknown = failures.find((it) => it instanceof DigestsFailed) ?? failures[0];
    if (worst !== undefined) throw worst;
    return end;
  }

  /**
   * Makes the bitmap what was found, as far as all is compared. The drive is flushed first: what was
   * read may have been in a cache only, and after a power cut clean bits would tell of other bytes.
   */
  async #settle(found: DirtyBitmap, end: number): Promise<void> {
    await this.#device.flush();
    // One tick: no write is admitted between a look at what was found and the bitmap.
    const bits = this.#bits();
    const { source } = this.#options;
    checkSize(this.#device, source);
    // A granule of the bitmap may be larger than what was compared, and its last one than the drive.
    const stop = end === source.size ? bits.diskSize : end - (end % bits.granularity);
    for (const { offset, length, dirty } of found.extents(this.#settled, stop - this.#settled)) {
      if (!dirty) bits.reset(offset, length);
    }
    const from = this.#settled;
    this.#settled = stop;
    const step = Math.max(NARROW_SIZE, bits.granularity);
    for (let at = from; at < stop; at += step) {
      await this.#state.marks.narrowTo(bits, { offset: at, length: Math.min(step, stop - at) });
    }
  }

  /** Nothing of what the source said counts: all is dirty again, as by a write to all of the drive. */
  async #takeBack(): Promise<void> {
    const { guard } = this.#state;
    const bits = this.#bits();
    bits.setAll();
    for (let offset = 0; offset < this.#settled; offset += NARROW_SIZE) {
      const range = { offset, length: Math.min(NARROW_SIZE, this.#settled - offset) };
      while (!guard.covers(range)) await guard.cover(range);
    }
  }

  #bits(): DirtyBitmap {
    const { name } = this.#options;
    const bitmap = this.#state.bitmaps.get(name);
    if (bitmap?.content !== undefined && bitmap.identity === this.#identity) return bitmap.content;
    throw bitmapNotFound(this.#state.label, name);
  }

  #advance(length: number, { clean, dirty, known }: Compared): void {
    const { progress } = this;
    this.progress = {
      ...progress,
      done: progress.done + length,
      clean: progress.clean + clean,
      dirty: progress.dirty + dirty,
      known: progress.known + known,
    };
    this.#options.onProgress?.(this.progress);
  }

  #assertGoingOn(): void {
    const { signal, name } = this.#options;
    const where = this.#state.label;
    if (this.#isEnded) throw driveClosing(where);
    if (signal?.aborted !== true) return;
    const hint = 'what is not compared stays dirty: run it again to go through all of the drive';
    const context = { where, bitmap: name, hint };
    throw new TidemarkError('CANCELLED', `rescan of bitmap '${name}' cancelled`, context);
  }
}

function checkSize({ label: where, size }: BlockDevice, source: DigestSource): void {
  if (size === source.size) return;
  throw new TidemarkError(
    'BACKUP_DRIVE_MISMATCH',
    `${where} has ${size} bytes, and the drive had ${source.size} at the restore point`,
    { where, hint: 'make a full backup: an increment cannot stand on a point of another size' },
  );
}
