import type { BlockDevice, BlockExtent } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';

/** A file is not let grow beyond this. */
const MAX_SIZE = 64 * 2 ** 20;

/** A file in memory that counts what is asked of it, and ends what never ends. */
export class FuzzDevice implements BlockDevice {
  readonly label = 'fuzzed image';
  readonly writable = true;
  readonly canDiscard = false;
  bytesRead = 0;
  largestRead = 0;
  calls = 0;
  #bytes: Uint8Array;
  readonly #maxCalls: number;

  constructor(bytes: Uint8Array, { maxCalls = Infinity }: { readonly maxCalls?: number } = {}) {
    this.#bytes = bytes.slice();
    this.#maxCalls = maxCalls;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get size(): number {
    return this.#bytes.length;
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    this.#check(offset, target.length);
    this.bytesRead += target.length;
    this.largestRead = Math.max(this.largestRead, target.length);
    target.set(this.#bytes.subarray(offset, offset + target.length));
  }

  async write(source: Uint8Array, offset: number): Promise<void> {
    this.#check(offset, source.length);
    this.#bytes.set(source, offset);
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    this.#check(offset, length);
    this.#bytes.fill(0, offset, offset + length);
  }

  async discard(): Promise<void> {}

  async flush(): Promise<void> {
    this.#check(0, 0);
  }

  async *extents(offset: number, length: number): AsyncGenerator<BlockExtent> {
    yield { offset, length, zero: false, allocated: true };
  }

  async resize(size: number): Promise<void> {
    if (size > MAX_SIZE) throw new TidemarkError('NO_SPACE', 'the fuzzed file is full');
    const next = new Uint8Array(size);
    next.set(this.#bytes.subarray(0, size));
    this.#bytes = next;
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  #check(offset: number, length: number): void {
    this.calls += 1;
    // Not a TidemarkError: an image that keeps a program busy for ever is a fault of the program.
    if (this.calls > this.#maxCalls) throw new Error(`more than ${this.#maxCalls} calls`);
    if (offset >= 0 && offset + length <= this.size) return;
    throw new TidemarkError('OUT_OF_RANGE', `${offset} and ${length} of ${this.size}`);
  }
}
