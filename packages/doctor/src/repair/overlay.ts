import type { BlockDevice, BlockExtent } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';
import { SECTOR } from './draft.ts';

/** A device as it would be with some of its sectors changed. Read only. */
export class Overlay implements BlockDevice {
  readonly label: string;
  readonly size: number;
  readonly writable = false;
  readonly canDiscard = false;
  readonly #base: BlockDevice;
  readonly #sectors: ReadonlyMap<number, Uint8Array>;

  constructor(base: BlockDevice, size: number, sectors: ReadonlyMap<number, Uint8Array>) {
    this.label = base.label;
    this.size = size;
    this.#base = base;
    this.#sectors = sectors;
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    const there = Math.max(0, Math.min(target.length, this.#base.size - offset));
    if (there > 0) await this.#base.read(target.subarray(0, there), offset);
    target.fill(0, there);
    const first = Math.floor(offset / SECTOR) * SECTOR;
    for (let at = first; at < offset + target.length; at += SECTOR) {
      const sector = this.#sectors.get(at);
      if (sector === undefined) continue;
      const from = Math.max(0, offset - at);
      const to = Math.min(SECTOR, offset + target.length - at);
      target.set(sector.subarray(from, to), at + from - offset);
    }
  }

  async *extents(offset: number, length: number): AsyncGenerator<BlockExtent> {
    yield { offset, length, zero: false, allocated: true };
  }

  write(): Promise<void> {
    return this.#refuse();
  }

  writeZeroes(): Promise<void> {
    return this.#refuse();
  }

  discard(): Promise<void> {
    return this.#refuse();
  }

  resize(): Promise<void> {
    return this.#refuse();
  }

  async flush(): Promise<void> {}

  /** The device below stays open. */
  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  async #refuse(): Promise<never> {
    throw new TidemarkError('DEVICE_READ_ONLY', 'this is only a look at what would be', {
      where: this.label,
    });
  }
}
