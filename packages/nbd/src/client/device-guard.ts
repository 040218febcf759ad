import { type BlockDevice, checkRange } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import type { Link } from './link/link.ts';
import { Running } from './running.ts';

type Call = () => Promise<void>;

/**
 * What the device refuses, in one order (closed, connection lost, read-only, out of range), and
 * what a close has to know: the calls under way and whether anything waits for a flush.
 */
export class DeviceGuard {
  readonly #device: Pick<BlockDevice, 'label' | 'size' | 'writable'>;
  readonly #link: Link;
  readonly #running = new Running();
  #isClosed = false;
  #isDirty = false;
  #isLossTold = false;
  #flushError: unknown;

  constructor(device: Pick<BlockDevice, 'label' | 'size' | 'writable'>, link: Link) {
    this.#device = device;
    this.#link = link;
  }

  /** @throws DEVICE_CLOSED, and what the connection failed with */
  checkUsable(): void {
    const { label } = this.#device;
    if (this.#isClosed) {
      throw new TidemarkError('DEVICE_CLOSED', `${label} is closed`, { where: label });
    }
    const { failure } = this.#link;
    if (failure === undefined) return;
    this.#isLossTold = true;
    throw failure;
  }

  checkRead(offset: number, length: number): void {
    this.checkUsable();
    checkRange(this.#device, offset, length);
  }

  checkChange(offset: number, length: number): void {
    this.checkWritable();
    checkRange(this.#device, offset, length);
  }

  checkWritable(): void {
    this.checkUsable();
    if (this.#device.writable) return;
    const { label } = this.#device;
    throw new TidemarkError('DEVICE_READ_ONLY', `${label} can only be read`, {
      where: label,
      hint: 'let the server export it for writing',
    });
  }

  async run(call: Call): Promise<void> {
    await this.tell(call);
  }

  /** What a call gives, which a close waits for. */
  async tell<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await this.#running.run(call);
    } catch (error) {
      if (error === this.#link.failure) this.#isLossTold = true;
      throw error;
    }
  }

  /** A change that failed may have been made in part, so it counts. */
  async change(call: Call): Promise<void> {
    try {
      await this.run(call);
    } finally {
      this.#isDirty = true;
    }
  }

  /** After one that failed every later one fails: what was not made durable may be forgotten. */
  async flush(call: Call): Promise<void> {
    if (this.#flushError !== undefined) throw this.#flushError;
    this.#isDirty = false;
    try {
      await this.run(call);
    } catch (error) {
      this.#flushError ??= error;
      this.#isDirty = true;
      throw error;
    }
  }

  /** Refuses all calls from here on, waits for those under way and flushes what they changed. */
  async close(flush: Call, hurry: () => void): Promise<void> {
    this.#isClosed = true;
    // Calls that wait for a server which is not there would not end before long.
    hurry();
    await this.#running.drain();
    if (!this.#isDirty) return;
    const { failure } = this.#link;
    if (failure === undefined) await this.flush(flush);
    else if (!this.#isLossTold) throw failure;
  }
}
