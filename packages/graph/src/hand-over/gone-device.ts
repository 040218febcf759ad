import type { BlockDevice, BlockExtent } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';

/** What is behind a node whose drive somebody else has. Whoever asks it was hung up on. */
export class GoneDevice implements BlockDevice {
  readonly label: string;
  readonly size: number;
  readonly writable = true;
  readonly canDiscard = true;

  /** `size`: bytes. */
  constructor({ label, size }: { readonly label: string; readonly size: number }) {
    this.label = label;
    this.size = size;
  }

  async read(): Promise<void> {
    throw this.#gone();
  }
  async write(): Promise<void> {
    throw this.#gone();
  }
  async writeZeroes(): Promise<void> {
    throw this.#gone();
  }
  async discard(): Promise<void> {
    throw this.#gone();
  }
  async flush(): Promise<void> {
    throw this.#gone();
  }
  // oxlint-disable-next-line require-yield
  async *extents(): AsyncIterable<BlockExtent> {
    throw this.#gone();
  }
  async resize(): Promise<void> {
    throw this.#gone();
  }
  async close(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}

  #gone(): TidemarkError {
    const { label: where } = this;
    const text = `${where} was handed over`;
    const hint = 'ask the daemon that has it now';
    return new TidemarkError('DEVICE_CLOSED', text, { where, hint });
  }
}
