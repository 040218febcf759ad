import type { BlockDevice } from '@tidemark/block';
import { DirtyBitmap } from '@tidemark/core';
import type { WriteFilter } from '../device/node-device.ts';
import type { ReadsUnderWay } from '../device/reads-under-way.ts';
import { CopyError } from './copy-error.ts';

/** Bytes of one copy, at most. */
const MAX_COPY = 1024 * 1024;

export interface CopyBeforeWriteOptions {
  readonly source: BlockDevice;
  readonly target: BlockDevice;
  /** Those of the target; for who reads through it what is only on the source. */
  readonly targetReads: ReadsUnderWay;
  /** Bytes that are copied as a whole. */
  readonly cluster: number;
  /** A write is made although what it overwrites could not be copied. */
  readonly onBroken: (error: CopyError) => void;
}

/**
 * Copies a disk as it is in one instant while it is written: what is about to be overwritten is
 * copied first. Each cluster is copied once.
 */
export class CopyBeforeWrite implements WriteFilter {
  readonly #options: CopyBeforeWriteOptions;
  /** What is to be copied and is not on the target yet. */
  #pending: DirtyBitmap;
  /** First bytes of clusters that are being copied. */
  readonly #busy = new Map<number, Promise<void>>();
  #copied = 0;
  #isOff = false;

  constructor(options: CopyBeforeWriteOptions) {
    this.#options = options;
    this.#pending = new DirtyBitmap(options.source.size, options.cluster);
  }

  /** Bytes that were copied. */
  get copied(): number {
    return this.#copied;
  }

  /** Bytes that are to be copied still; clusters are counted as a whole, the last one too. */
  get remaining(): number {
    return this.#pending.dirtyBytes;
  }

  /** Bits for `begin`, none of them set. */
  nothing(): DirtyBitmap {
    return new DirtyBitmap(this.#pending.diskSize, this.#options.cluster);
  }

  /** What is to be copied. In the tick from which on the source is filtered. */
  begin(pending: DirtyBitmap): void {
    this.#pending = pending;
  }

  /** Nothing else is to be copied from now on. */
  async keepOnly(wanted: DirtyBitmap): Promise<void> {
    await this.idle();
    for (const { offset, length, dirty } of wanted.extents()) {
      if (!dirty) this.#pending.reset(offset, length);
    }
  }

  /** What is not on the target, in granules of so many bytes. */
  uncopied(granularity: number): DirtyBitmap {
    const left = new DirtyBitmap(this.#pending.diskSize, granularity);
    left.merge(this.#pending);
    return left;
  }

  /** Whether all of a range is to be copied still: nothing of it was overwritten so far. Bytes. */
  areAllPending(offset: number, length: number): boolean {
    return this.#pending.nextClean(offset, offset + length) < 0;
  }

  /** Where what is still to be copied, or is not, ends behind `at`; at most `end`. */
  endOfRun(at: number, end: number): number {
    const pending = this.#pending;
    const next = pending.isDirty(at) ? pending.nextClean(at, end) : pending.nextDirty(at, end);
    return next < 0 ? end : next;
  }

  /** Writes are not waited with any more. */
  end(): void {
    this.#isOff = true;
  }

  /** Resolves when nothing is being copied. */
  async idle(): Promise<void> {
    while (this.#busy.size > 0) await Promise.allSettled(this.#busy.values());
  }

  beforeWrite(offset: number, length: number): Promise<void> | undefined {
    if (this.#isOff || length === 0) return undefined;
    const [start, end] = this.#clusters(offset, length);
    return this.#pending.nextDirty(start, end) < 0 ? undefined : this.#preserve(start, end);
  }

  /**
   * Copies the next clusters that nobody is copying, up to `limit` bytes. @returns the bytes, or
   * undefined where all is copied or being copied. @throws CopyError
   */
  async copyNext(limit: number): Promise<number | undefined> {
    const { diskSize } = this.#pending;
    const { cluster } = this.#options;
    let start = this.#pending.nextDirty(0);
    while (start >= 0 && this.#busy.has(start)) {
      start = this.#pending.nextDirty(Math.min(start + cluster, diskSize));
    }
    if (start < 0) return undefined;
    const end = this.#runFrom(start, Math.min(diskSize, start + Math.min(limit, MAX_COPY)));
    await this.#copy(start, end);
    return end - start;
  }

  /** Up to `limit`, what is pending and not being copied; one cluster at least. */
  #runFrom(start: number, limit: number): number {
    const { cluster } = this.#options;
    let end = start + cluster;
    while (end < limit && this.#pending.isDirty(end) && !this.#busy.has(end)) end += cluster;
    return Math.min(end, this.#pending.diskSize);
  }

  async #preserve(start: number, end: number): Promise<void> {
    try {
      for (;;) {
        const next = this.#isOff ? -1 : this.#pending.nextDirty(start, end);
        if (next < 0) return;
        const busy = this.#busy.get(next);
        // Who copies it tells its job what went wrong; here it is tried once more.
        if (busy !== undefined) await busy.catch(() => {});
        else await this.#copy(next, this.#runFrom(next, Math.min(end, next + MAX_COPY)));
      }
    } catch (error) {
      // A guest is not to fail because its backup does.
      this.end();
      this.#options.onBroken(CopyError.from(error));
    }
  }

  async #copy(start: number, end: number): Promise<void> {
    const { cluster } = this.#options;
    const copying = this.#copyRange(start, end);
    for (let at = start; at < end; at += cluster) this.#busy.set(at, copying);
    try {
      await copying;
    } finally {
      for (let at = start; at < end; at += cluster) this.#busy.delete(at);
    }
  }

  async #copyRange(start: number, end: number): Promise<void> {
    const { source, target, targetReads } = this.#options;
    const length = end - start;
    const bytes = await CopyError.of('read', async () => {
      if (await isZero(source, start, length)) return undefined;
      const read = new Uint8Array(length);
      await source.read(read, start);
      return read;
    });
    const write = async () => {
      if (bytes === undefined) await target.writeZeroes(start, length);
      else await target.write(bytes, start);
    };
    await CopyError.of('write', () =>
      targetReads.areWatched ? targetReads.hide(start, length, write) : write(),
    );
    this.#pending.reset(start, length);
    this.#copied += length;
  }

  #clusters(offset: number, length: number): readonly [start: number, end: number] {
    const { cluster } = this.#options;
    const start = Math.floor(offset / cluster) * cluster;
    const end = Math.ceil((offset + length) / cluster) * cluster;
    return [start, Math.min(end, this.#pending.diskSize)];
  }
}

async function isZero(device: BlockDevice, offset: number, length: number): Promise<boolean> {
  for await (const { zero } of device.extents(offset, length)) if (!zero) return false;
  return true;
}
