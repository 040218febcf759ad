import { type BlockDevice, type BlockExtent, checkRange } from '@tidemark/block';
import { type DirtyBitmap, TidemarkError } from '@tidemark/core';
import type { CopyBeforeWrite } from '../jobs/copy-before-write.ts';
import { extentsWithin } from './extents-within.ts';

/** Bytes whose extents are looked at as a whole. */
const WATCHED_PIECE = 64 * 1024 * 1024;

export interface ViewDeviceOptions {
  readonly label: string;
  /** The drive, which is written meanwhile. */
  readonly source: BlockDevice;
  /** Copies to `scratch` what is about to be overwritten. */
  readonly copy: CopyBeforeWrite;
  readonly scratch: BlockDevice;
  /** What can be read, in the clusters of `copy`. Absent: all. Set once it is known. */
  readonly wanted: () => DirtyBitmap | undefined;
  /** Present from the moment on in which the drive is overwritten without a copy. */
  readonly whyBroken: () => Error | undefined;
}

interface Run {
  readonly offset: number;
  readonly length: number;
  /** Whether the drive still holds it. */
  readonly isOnSource: boolean;
}

/**
 * A drive as it was in one instant, for reading. What is read of the drive itself is looked at again
 * afterwards: it counts only where nothing was copied away meanwhile, for the copy comes before the
 * write.
 */
export class ViewDevice implements BlockDevice {
  readonly label: string;
  readonly size: number;
  readonly writable = false;
  readonly canDiscard = false;
  readonly #options: ViewDeviceOptions;

  constructor(options: ViewDeviceOptions) {
    this.#options = options;
    this.label = options.label;
    this.size = options.source.size;
  }

  /** @throws DEVICE_UNSUPPORTED: it is not of what can be read; IO_FAILED: the view is broken */
  async read(target: Uint8Array, offset: number): Promise<void> {
    checkRange(this, offset, target.length);
    this.#checkWanted(offset, target.length);
    for (const run of this.#runs(offset, target.length)) {
      const part = target.subarray(run.offset - offset, run.offset - offset + run.length);
      if (run.isOnSource) await this.#options.source.read(part, run.offset);
      await this.#takeCopied(part, run.offset);
    }
  }

  readNow(target: Uint8Array, offset: number): boolean {
    const { source, copy, whyBroken } = this.#options;
    if (source.readNow === undefined || whyBroken() !== undefined) return false;
    if (offset + target.length > this.size) return false;
    // In one tick: nothing is copied away meanwhile.
    return copy.areAllPending(offset, target.length) && source.readNow(target, offset);
  }

  async *extents(offset: number, length: number): AsyncIterable<BlockExtent> {
    checkRange(this, offset, length);
    for (let at = offset; at < offset + length; at += WATCHED_PIECE) {
      yield* await this.#extentsOf(at, Math.min(WATCHED_PIECE, offset + length - at));
    }
  }

  async write(): Promise<void> {
    throw this.#readOnly();
  }
  async writeZeroes(): Promise<void> {
    throw this.#readOnly();
  }
  async discard(): Promise<void> {
    throw this.#readOnly();
  }
  async resize(): Promise<void> {
    throw this.#readOnly();
  }
  async flush(): Promise<void> {}
  async close(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}

  /** Puts in place what is on the scratch device. */
  async #takeCopied(target: Uint8Array, offset: number): Promise<void> {
    this.#checkWhole();
    for (const run of this.#runs(offset, target.length)) {
      if (run.isOnSource) continue;
      const part = target.subarray(run.offset - offset, run.offset - offset + run.length);
      await this.#options.scratch.read(part, run.offset);
    }
  }

  /** Each device is asked once, into however many runs writes have cut what is there of it. */
  async #extentsOf(offset: number, length: number): Promise<readonly BlockExtent[]> {
    const { source, scratch, copy } = this.#options;
    const runs = [...this.#runs(offset, length)].map((run) => ({
      ...run,
      isReadable: this.#isReadable(run),
    }));
    const ofDevice = (onSource: boolean) =>
      runs.filter(({ isOnSource, isReadable }) => isReadable && isOnSource === onSource);
    const onSource = await extentsWithin(source, ofDevice(true));
    const onScratch = await extentsWithin(scratch, ofDevice(false));
    this.#checkWhole();
    return runs.flatMap((run) => {
      const isSame = !run.isOnSource || copy.areAllPending(run.offset, run.length);
      if (run.isReadable && isSame) return run.isOnSource ? onSource(run) : onScratch(run);
      return { offset: run.offset, length: run.length, zero: false, allocated: true };
    });
  }

  #isReadable(run: Run): boolean {
    const wanted = this.#options.wanted();
    return wanted === undefined || areAllDirty(wanted, run);
  }

  /** By where they are now; ascending, without gaps. */
  *#runs(offset: number, length: number): Generator<Run> {
    const { copy } = this.#options;
    const end = offset + length;
    for (let at = offset; at < end;) {
      const isOnSource = copy.areAllPending(at, 1);
      const to = Math.min(end, copy.endOfRun(at, end));
      yield { offset: at, length: to - at, isOnSource };
      at = to;
    }
  }

  #checkWanted(offset: number, length: number): void {
    const wanted = this.#options.wanted();
    if (wanted === undefined || areAllDirty(wanted, { offset, length })) return;
    const text = `${length} bytes at ${offset} of ${this.label} are not part of this view`;
    throw new TidemarkError('DEVICE_UNSUPPORTED', text, { where: this.label, offset });
  }

  #checkWhole(): void {
    const cause = this.#options.whyBroken();
    if (cause === undefined) return;
    const text = `${this.label} ended: what was overwritten could not be kept`;
    throw new TidemarkError('IO_FAILED', text, { where: this.label }, cause);
  }

  #readOnly(): TidemarkError {
    const text = `${this.label} is for reading only`;
    return new TidemarkError('DEVICE_READ_ONLY', text, { where: this.label });
  }
}

function areAllDirty(
  bits: DirtyBitmap,
  { offset, length }: { readonly offset: number; readonly length: number },
): boolean {
  for (const { dirty } of bits.extents(offset, length)) if (!dirty) return false;
  return true;
}
