import {
  type BlockDevice,
  type BlockExtent,
  isInside,
  type WriteZeroesOptions,
} from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { type WriteInFlight, WriteRecorder } from './write-recorder.ts';

/** Of a new `TrackedDevice`. */
export interface TrackedDeviceOptions {
  /** Default: a new one, that nothing records in yet. */
  readonly recorder?: WriteRecorder;
  /** What has to be durable on disk before a change is made. Default: nothing. */
  readonly marks?: DurableMarks;
  /** Refuses writes to a device that would take them. Default: as the device. */
  readonly writable?: boolean;
  /** What is resized with the device. Default: the bitmaps that record. */
  readonly together?: ResizedTogether;
}

/** Bitmaps of a device, and the stores that keep them. */
export interface ResizedTogether {
  /** Runs while nothing else changes them. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
  /** Resizes them and the device, while nobody writes. @throws: nothing was changed */
  resize(device: BlockDevice, size: number): Promise<void>;
}

/** Marks on disk that have to be there before a change is made. Bytes of the device. */
export interface DurableMarks {
  /** Whether a change may be made now. */
  covers(range: { readonly offset: number; readonly length: number }): boolean;
  /** Makes the marks that are missing. Ask again afterwards. @throws: the change must not be made */
  cover(range: { readonly offset: number; readonly length: number }): Promise<unknown>;
  /** A change begins, in the tick in which `covers` allowed it. */
  begin(): void;
  /** It has ended, well or badly. */
  end(): void;
  /** Changes that wait for marks that cannot be made fail, and so do those that come. */
  endWaiting?(): void;
}

/**
 * A device whose every change is marked in the bitmaps of its recorder before it is made. The
 * bitmaps have to cover the device. Closing it closes the device under it.
 */
export class TrackedDevice implements BlockDevice {
  readonly recorder: WriteRecorder;
  readonly writable: boolean;
  readonly #device: BlockDevice;
  readonly #marks: DurableMarks | undefined;
  readonly #together: ResizedTogether | undefined;
  #resizing: Promise<void> | undefined;
  #draining = false;

  constructor(device: BlockDevice, options: TrackedDeviceOptions = {}) {
    this.#device = device;
    this.recorder = options.recorder ?? new WriteRecorder();
    this.writable = device.writable && (options.writable ?? true);
    this.#marks = options.marks;
    this.#together = options.together;
  }

  get label(): string {
    return this.#device.label;
  }

  get size(): number {
    return this.#device.size;
  }

  get canDiscard(): boolean {
    return this.#device.canDiscard;
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    return this.#device.read(target, offset);
  }

  async write(source: Uint8Array, offset: number): Promise<void> {
    const { length } = source;
    // Most writes find all that they need: without a turn of the event loop, and a closure.
    const write = this.#admit(offset, length);
    if (write === undefined) {
      return this.#marked(offset, length, () => this.#device.write(source, offset));
    }
    try {
      await this.#device.write(source, offset);
    } finally {
      this.#marks?.end();
      this.recorder.end(write);
    }
  }

  readNow(target: Uint8Array, offset: number): boolean {
    return this.#device.readNow?.(target, offset) ?? false;
  }

  writeNow(source: Uint8Array, offset: number): boolean {
    const device = this.#device;
    if (device.writeNow === undefined) return false;
    const write = this.#admit(offset, source.length);
    if (write === undefined) return false;
    // What is not done leaves its marks: it is going to be done in the other way.
    try {
      return device.writeNow(source, offset);
    } finally {
      this.#marks?.end();
      this.recorder.end(write);
    }
  }

  async writeZeroes(offset: number, length: number, options?: WriteZeroesOptions): Promise<void> {
    return this.#marked(offset, length, () => this.#device.writeZeroes(offset, length, options));
  }

  /** A discard that the device only ignores changes nothing, so it is not marked. */
  async discard(offset: number, length: number): Promise<void> {
    if (!this.canDiscard) {
      this.#assertWritable();
      return this.#device.discard(offset, length);
    }
    return this.#marked(offset, length, () => this.#device.discard(offset, length));
  }

  async flush(): Promise<void> {
    return this.#device.flush();
  }

  extents(offset: number, length: number): AsyncIterable<BlockExtent> {
    return this.#device.extents(offset, length);
  }

  /**
   * Waits for the writes under way and holds new ones back. What is added counts as written in
   * every bitmap that records: after a shrink and a grow the same bytes are no longer the same.
   * Its stores are resized with it, durably.
   * @throws DEVICE_UNSUPPORTED, BITMAP_TOO_LARGE, BITMAP_BUSY, BITMAP_INCONSISTENT,
   *   BITMAP_UNSUPPORTED, and what device and stores throw
   */
  async resize(size: number): Promise<void> {
    this.#assertWritable();
    const resize = () => this.#resizeAlone(size);
    // Before writes are held back: those who change bitmaps may have to wait for writes.
    await (this.#together === undefined ? resize() : this.#together.exclusive(resize));
  }

  async #resizeAlone(size: number): Promise<void> {
    while (this.#resizing !== undefined) await this.#resizing;
    this.#assertWritable();
    const resized = this.#resizeIdle(size);
    const over = () => {
      this.#resizing = undefined;
    };
    this.#resizing = resized.then(over, over);
    return resized;
  }

  /** Refuses changes from now on and waits for those under way. Reading and flushing go on. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#marks?.endWaiting?.();
    await this.#resizing;
    await this.recorder.idle();
  }

  async close(): Promise<void> {
    await this.drain();
    await this.#device.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #resizeIdle(size: number): Promise<void> {
    await this.recorder.idle();
    if (this.#together !== undefined) return this.#together.resize(this.#device, size);
    if (size > this.size) return this.#grow(size);
    await this.#device.resize(size);
    this.#resizeBitmaps(size);
  }

  /** Bitmaps first: they can be cut again when the device refuses, and are never too short. */
  async #grow(size: number): Promise<void> {
    const before = this.size;
    try {
      this.#resizeBitmaps(size);
      await this.#device.resize(size);
    } catch (error) {
      this.#resizeBitmaps(before);
      throw error;
    }
  }

  #resizeBitmaps(size: number): void {
    for (const bitmap of this.recorder.bitmaps) bitmap.resize(size, { grown: 'dirty' });
  }

  /** Begins a change that has to wait for nothing, all in this tick. Undefined: it may have to. */
  #admit(offset: number, length: number): WriteInFlight | undefined {
    if (this.#resizing !== undefined || length === 0) return undefined;
    if (this.#draining || !this.writable || !isInside(this.size, offset, length)) return undefined;
    const marks = this.#marks;
    if (marks !== undefined && !marks.covers({ offset, length })) return undefined;
    const write = this.recorder.begin(offset, length);
    marks?.begin();
    return write;
  }

  async #marked(offset: number, length: number, change: () => Promise<void>): Promise<void> {
    this.#assertWritable();
    while (this.#resizing !== undefined) await this.#resizing;
    this.#assertWritable();
    this.#assertInside(offset, length);
    if (length === 0) return;
    const write = this.recorder.begin(offset, length);
    let hasBegun = false;
    try {
      // The marks stand in memory. Where no in-use flag on disk vouches for them, they have to be
      // durable themselves before the change: here, and only here, that is waited for.
      const marks = this.#marks;
      if (marks !== undefined) while (!marks.covers(write)) await marks.cover(write);
      marks?.begin();
      hasBegun = true;
      await change();
    } finally {
      if (hasBegun) this.#marks?.end();
      this.recorder.end(write);
    }
  }

  #assertWritable(): void {
    const where = this.label;
    if (this.#draining) throw new TidemarkError('DEVICE_CLOSED', `${where} is closing`, { where });
    if (!this.writable) {
      throw new TidemarkError('DEVICE_READ_ONLY', `${where} is open for reading only`, { where });
    }
  }

  // Before anything is marked: what the device is going to refuse leaves no mark.
  #assertInside(offset: number, length: number): void {
    if (isInside(this.size, offset, length)) return;
    throw new TidemarkError(
      'OUT_OF_RANGE',
      `${length} bytes at ${offset} leave a device of ${this.size} bytes`,
      { where: this.label, offset },
    );
  }
}
