import { type BlockDevice, type BlockExtent, checkRange } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';

/** Forgets what is written and reads as zeros, as QEMU's null-co. */
export class NullDevice implements BlockDevice {
  readonly label = 'null-co';
  readonly size: number;
  readonly writable: boolean;
  readonly canDiscard = false;

  /** `size`: bytes. */
  constructor({ size, writable }: { readonly size: number; readonly writable: boolean }) {
    this.size = size;
    this.writable = writable;
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    checkRange(this, offset, target.length);
    target.fill(0);
  }
  async write(source: Uint8Array, offset: number): Promise<void> {
    this.#check(offset, source.length);
  }
  async writeZeroes(offset: number, length: number): Promise<void> {
    this.#check(offset, length);
  }
  async discard(offset: number, length: number): Promise<void> {
    this.#check(offset, length);
  }
  async flush(): Promise<void> {}

  async *extents(offset: number, length: number): AsyncIterable<BlockExtent> {
    checkRange(this, offset, length);
    if (length > 0) yield { offset, length, zero: true, allocated: false };
  }

  async resize(): Promise<void> {
    const text = 'Image format driver does not support resize';
    throw new TidemarkError('DEVICE_UNSUPPORTED', text, { where: this.label });
  }

  async close(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}

  #check(offset: number, length: number): void {
    checkRange(this, offset, length);
    if (this.writable) return;
    const where = this.label;
    throw new TidemarkError('DEVICE_READ_ONLY', `${where} is open for reading only`, { where });
  }
}
