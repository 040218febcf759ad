import type { BlockDevice, BlockExtent } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';

/** A change or flush that reached the device. */
export interface Recorded {
  readonly op: 'write' | 'resize' | 'flush';
  readonly offset: number;
  readonly length: number;
}

export interface TestDeviceOptions {
  readonly bytes?: Uint8Array;
  readonly writable?: boolean;
  /** The device keeps its size, as a disk does. */
  readonly fixed?: boolean;
}

/** An image file in memory. Each call takes a turn of the event loop, as a real file would. */
export class TestDevice implements BlockDevice {
  readonly label = 'test file';
  readonly writable: boolean;
  readonly canDiscard = false;
  readonly log: Recorded[] = [];
  reads = 0;
  bytesRead = 0;
  /** Thrown by the operation of that name, once. */
  failNext: { op: 'write' | 'flush' | 'read'; error: Error } | undefined;
  readonly #fixed: boolean;
  /** Larger than the file, so that a file that grows by steps is not copied at each. */
  #room: Uint8Array;
  #size: number;

  constructor({ bytes, writable = true, fixed = false }: TestDeviceOptions = {}) {
    this.#room = bytes?.slice() ?? new Uint8Array(0);
    this.#size = this.#room.length;
    this.writable = writable;
    this.#fixed = fixed;
  }

  get size(): number {
    return this.#size;
  }

  /** What the file holds now; the same memory, until the file grows. */
  get bytes(): Uint8Array {
    return this.#room.subarray(0, this.#size);
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    await this.#turn('read');
    this.#check(offset, target.length);
    this.reads++;
    this.bytesRead += target.length;
    target.set(this.bytes.subarray(offset, offset + target.length));
  }

  async write(source: Uint8Array, offset: number): Promise<void> {
    await this.#turn('write');
    this.#check(offset, source.length);
    if (!this.writable) throw new TidemarkError('DEVICE_READ_ONLY', 'read only');
    this.log.push({ op: 'write', offset, length: source.length });
    this.bytes.set(source, offset);
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    await this.write(new Uint8Array(length), offset);
  }

  async discard(): Promise<void> {}

  async flush(): Promise<void> {
    await this.#turn('flush');
    this.log.push({ op: 'flush', offset: 0, length: 0 });
  }

  async *extents(offset: number, length: number): AsyncGenerator<BlockExtent> {
    yield { offset, length, zero: false, allocated: true };
  }

  async resize(size: number): Promise<void> {
    if (this.#fixed) throw new TidemarkError('DEVICE_UNSUPPORTED', 'the size is fixed');
    this.log.push({ op: 'resize', offset: 0, length: size });
    if (size < this.#size) this.#room.fill(0, size, this.#size);
    if (size > this.#room.length) {
      const room = new Uint8Array(size * 2);
      room.set(this.bytes);
      this.#room = room;
    }
    this.#size = size;
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  async #turn(op: 'write' | 'flush' | 'read'): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.failNext?.op !== op) return;
    const { error } = this.failNext;
    this.failNext = undefined;
    throw error;
  }

  #check(offset: number, length: number): void {
    if (offset < 0 || offset + length > this.size) {
      throw new TidemarkError('OUT_OF_RANGE', `${offset} and ${length} of ${this.size}`);
    }
  }
}
