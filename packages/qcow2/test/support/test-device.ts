import type { BlockDevice, BlockExtent } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';

/** What reached the device, in order. A flush is what separates what may be reordered. */
export type Recorded =
  | { readonly op: 'write'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly op: 'resize'; readonly size: number }
  | { readonly op: 'flush' };

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
  bytes: Uint8Array;
  reads = 0;
  /** Thrown by the operation of that name, once. */
  failNext: { op: 'write' | 'flush' | 'read'; error: Error } | undefined;
  readonly #fixed: boolean;

  constructor({ bytes, writable = true, fixed = false }: TestDeviceOptions = {}) {
    this.bytes = bytes?.slice() ?? new Uint8Array(0);
    this.writable = writable;
    this.#fixed = fixed;
  }

  get size(): number {
    return this.bytes.length;
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    await this.#turn('read');
    this.#check(offset, target.length);
    this.reads++;
    target.set(this.bytes.subarray(offset, offset + target.length));
  }

  async write(source: Uint8Array, offset: number): Promise<void> {
    await this.#turn('write');
    this.#check(offset, source.length);
    if (!this.writable) throw new TidemarkError('DEVICE_READ_ONLY', 'read only');
    this.log.push({ op: 'write', offset, bytes: source.slice() });
    this.bytes.set(source, offset);
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    await this.write(new Uint8Array(length), offset);
  }

  async discard(): Promise<void> {}

  async flush(): Promise<void> {
    await this.#turn('flush');
    this.log.push({ op: 'flush' });
  }

  async *extents(offset: number, length: number): AsyncGenerator<BlockExtent> {
    yield { offset, length, zero: false, allocated: true };
  }

  async resize(size: number): Promise<void> {
    if (this.#fixed) throw new TidemarkError('DEVICE_UNSUPPORTED', 'the size is fixed');
    this.log.push({ op: 'resize', size });
    this.bytes = resized(this.bytes, size);
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

/** The file as it is when only the first `count` recorded operations have reached it. */
export function replay(start: Uint8Array, log: readonly Recorded[], count: number): Uint8Array {
  let bytes: Uint8Array = start.slice();
  for (const step of log.slice(0, count)) {
    if (step.op === 'write') bytes.set(step.bytes, step.offset);
    if (step.op === 'resize') bytes = resized(bytes, step.size);
  }
  return bytes;
}

function resized(bytes: Uint8Array, size: number): Uint8Array {
  const next = new Uint8Array(size);
  next.set(bytes.subarray(0, size));
  return next;
}
