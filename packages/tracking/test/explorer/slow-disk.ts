import type { BlockDevice, BlockExtent, WriteZeroesOptions } from '@tidemark/block';
import type { Random } from './random.ts';

/** A disk that answers after a while, and not in the order of asking. */
export class SlowDisk implements BlockDevice {
  readonly label = 'slow disk';
  readonly writable = true;
  readonly #inner: BlockDevice;
  readonly #random: Random;
  #underWay = 0;

  constructor(inner: BlockDevice, random: Random) {
    this.#inner = inner;
    this.#random = random;
  }

  get size(): number {
    return this.#inner.size;
  }

  get canDiscard(): boolean {
    return this.#inner.canDiscard;
  }

  /** Resolves when it has nothing to do. */
  async idle(): Promise<void> {
    while (this.#underWay > 0) await turn();
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    await this.#inner.read(target, offset);
  }

  readBlocking(target: Uint8Array, offset: number): boolean {
    return this.#inner.readBlocking?.(target, offset) ?? false;
  }

  async write(source: Uint8Array, offset: number): Promise<void> {
    await this.#slowly(() => this.#inner.write(source, offset));
  }

  async writeZeroes(offset: number, length: number, options?: WriteZeroesOptions): Promise<void> {
    await this.#slowly(() => this.#inner.writeZeroes(offset, length, options));
  }

  async discard(offset: number, length: number): Promise<void> {
    await this.#slowly(() => this.#inner.discard(offset, length));
  }

  async flush(): Promise<void> {
    // Slower than the rest, as on a disk: much happens until marks are durable.
    await this.#slowly(() => this.#inner.flush(), 12);
  }

  extents(offset: number, length: number): AsyncIterable<BlockExtent> {
    return this.#inner.extents(offset, length);
  }

  async resize(size: number): Promise<void> {
    await this.#inner.resize(size);
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  async #slowly(act: () => Promise<void>, maxTurns = 4): Promise<void> {
    this.#underWay += 1;
    try {
      for (let turns = this.#random.int(maxTurns); turns > 0; turns--) await turn();
      await act();
      for (let turns = this.#random.int(3); turns > 0; turns--) await turn();
    } finally {
      this.#underWay -= 1;
    }
  }
}

export async function turn(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}
