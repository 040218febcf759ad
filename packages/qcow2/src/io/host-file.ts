import type { BlockDevice } from '@tidemark/block';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import { roundUp } from '../geometry.ts';
import { Mutex } from '../util/mutex.ts';

/** Growing by single clusters would cost a system call each. Bytes. */
const GROWTH_STEP = 1024 * 1024;
/** What is moved in the tick of its call before others get a turn. Bytes. */
const MOVED_PER_TURN = 4 * 1024 * 1024;

/** The image file. Adds what the format asks of it: zeros behind its end, and room that grows. */
export class HostFile {
  readonly device: BlockDevice;
  readonly #growthStep: number;
  /** In the tick of their calls, since others had a turn. */
  #movedNow = 0;
  /** Two at once could end with the smaller size. */
  readonly #growing = new Mutex();
  #failure: unknown;

  /** `growthStep`: bytes; it grows by multiples of that where it can. */
  constructor(device: BlockDevice, { growthStep = GROWTH_STEP } = {}) {
    this.device = device;
    this.#growthStep = growthStep;
  }

  get label(): string {
    return this.device.label;
  }

  get size(): number {
    return this.device.size;
  }

  /** Fills `target`; what lies behind the file's end is zeros. */
  async read(target: Uint8Array, offset: number): Promise<void> {
    const inside = Math.max(0, Math.min(target.length, this.size - offset));
    if (inside < target.length) target.fill(0, inside);
    if (inside > 0) await this.device.read(target.subarray(0, inside), offset);
  }

  /**
   * As `read`, of metadata: in this tick if the device has it at hand. A thread for each call costs
   * more than most of what is done with the bytes.
   */
  async readSoon(target: Uint8Array, offset: number): Promise<void> {
    const isInside = offset + target.length <= this.size;
    if (isInside && this.device.readNow?.(target, offset) === true) await this.#took(target);
    else await this.read(target, offset);
  }

  /** `readSoon` into new memory. */
  async readNewSoon(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    // All of it is filled, or nobody gets it.
    const bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
    await this.readSoon(bytes, offset);
    return bytes;
  }

  /** As `read`, in this tick. @returns false: it cannot be done */
  readBlocking(target: Uint8Array, offset: number): boolean {
    const inside = Math.max(0, Math.min(target.length, this.size - offset));
    if (inside < target.length) target.fill(0, inside);
    return inside === 0 || this.device.readBlocking?.(target.subarray(0, inside), offset) === true;
  }

  async readNew(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    await this.read(bytes, offset);
    return bytes;
  }

  async write(source: Uint8Array, offset: number): Promise<void> {
    this.assertSound();
    await this.#makeRoom(source, offset);
    await this.device.write(source, offset);
  }

  /** As `write`, of metadata: see `readSoon`. */
  async writeSoon(source: Uint8Array, offset: number): Promise<void> {
    this.assertSound();
    await this.#makeRoom(source, offset);
    if (this.device.writeNow?.(source, offset) === true) await this.#took(source);
    else await this.device.write(source, offset);
  }

  /** Images end where their last cluster's content does, so this may be a cluster in use. */
  async #makeRoom(source: Uint8Array, offset: number): Promise<void> {
    if (offset + source.length > this.size) await this.ensureSize(offset + source.length);
  }

  async #took({ length }: Uint8Array): Promise<void> {
    this.#movedNow += length;
    if (this.#movedNow < MOVED_PER_TURN) return;
    this.#movedNow = 0;
    await new Promise((resolve) => setImmediate(resolve));
  }

  /**
   * Sticky: what a failed flush left behind is unknown, and the metadata that waited for it must
   * not be linked by a later flush that happens to succeed.
   */
  async flush(): Promise<void> {
    this.assertSound();
    try {
      await this.device.flush();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /** @throws NO_SPACE where the device cannot grow */
  async ensureSize(end: number): Promise<void> {
    await this.#growing.run(async () => {
      if (end <= this.size) return;
      try {
        await this.#grow(roundUp(end, this.#growthStep));
      } catch {
        await this.#grow(end);
      }
    });
  }

  async #grow(size: number): Promise<void> {
    try {
      await this.device.resize(size);
    } catch (error) {
      if (!isTidemarkError(error, 'DEVICE_UNSUPPORTED')) throw error;
      throw new TidemarkError(
        'NO_SPACE',
        'the image is full, and what holds it cannot grow',
        { where: this.label, hint: 'enlarge the device that holds the image' },
        error,
      );
    }
  }

  /** For changes to several tables in memory: one that fails half way leaves nothing to write. */
  async allOrNothing<T>(change: () => Promise<T>): Promise<T> {
    try {
      return await change();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  get isSound(): boolean {
    return this.#failure === undefined;
  }

  /** @throws IO_FAILED once a flush has failed, or a change half way */
  assertSound(): void {
    if (this.#failure === undefined) return;
    throw new TidemarkError(
      'IO_FAILED',
      'an earlier failure left it open what the image holds, so nothing more is written',
      { where: this.label, hint: 'close the image, check it, and open it again' },
      this.#failure,
    );
  }
}
