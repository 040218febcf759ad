import {
  type BlockDevice,
  type BlockExtent,
  checkRange,
  type WriteZeroesOptions,
} from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';

/** A part of a device, as QEMU's raw format has it with `offset` and `size`. Bytes. */
export class SliceDevice implements BlockDevice {
  readonly size: number;
  readonly #device: BlockDevice;
  readonly #start: number;

  constructor(
    device: BlockDevice,
    { offset, size }: { readonly offset: number; readonly size: number },
  ) {
    this.#device = device;
    this.#start = offset;
    this.size = size;
  }

  get label(): string {
    return `${this.size} bytes at ${this.#start} of ${this.#device.label}`;
  }
  get writable(): boolean {
    return this.#device.writable;
  }
  get canDiscard(): boolean {
    return this.#device.canDiscard;
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    await this.#device.read(target, this.#place(offset, target.length));
  }
  async write(source: Uint8Array, offset: number): Promise<void> {
    await this.#device.write(source, this.#place(offset, source.length));
  }
  async writeZeroes(offset: number, length: number, options?: WriteZeroesOptions): Promise<void> {
    await this.#device.writeZeroes(this.#place(offset, length), length, options);
  }
  async discard(offset: number, length: number): Promise<void> {
    await this.#device.discard(this.#place(offset, length), length);
  }
  async flush(): Promise<void> {
    await this.#device.flush();
  }
  async *extents(offset: number, length: number): AsyncIterable<BlockExtent> {
    for await (const extent of this.#device.extents(this.#place(offset, length), length)) {
      yield { ...extent, offset: extent.offset - this.#start };
    }
  }

  async resize(): Promise<void> {
    const where = this.label;
    throw new TidemarkError('DEVICE_UNSUPPORTED', 'Cannot resize fixed-size raw disks', { where });
  }

  async close(): Promise<void> {
    await this.#device.close();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #place(offset: number, length: number): number {
    checkRange(this, offset, length);
    return this.#start + offset;
  }
}
