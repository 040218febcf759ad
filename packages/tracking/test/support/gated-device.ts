import { type BlockDevice, type BlockExtent, MemoryDevice } from '@tidemark/block';

interface Waiting {
  readonly pass: () => void;
  readonly fail: (error: unknown) => void;
}

/** A device whose changes and flushes wait at a gate, each until the test lets it through. */
export class GatedDevice implements BlockDevice {
  readonly label = 'gated device';
  readonly writable = true;
  readonly #inner: BlockDevice;
  readonly #waiting: Waiting[] = [];
  /** Open: everything passes at once. */
  isOpen = false;
  /** Whether flushes wait too. */
  gatesFlushes = true;
  /** Told of each change when it comes to the gate. */
  onChange: (offset: number, length: number) => void = () => {};
  canDiscard = true;

  /** In memory, of that many bytes, or on top of another device. */
  constructor(inner: number | BlockDevice) {
    this.#inner = typeof inner === 'number' ? new MemoryDevice({ size: inner }) : inner;
  }

  get size(): number {
    return this.#inner.size;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Lets all of them through, and those that come later. */
  open(): void {
    this.isOpen = true;
    for (const { pass } of this.#waiting.splice(0)) pass();
  }

  /** Lets one of those that wait through, and what it leads to happen. Default: the oldest. */
  async pass(index = 0): Promise<void> {
    this.#waiting.splice(index, 1)[0]!.pass();
    await settle();
  }

  async fail(error: unknown, index = 0): Promise<void> {
    this.#waiting.splice(index, 1)[0]!.fail(error);
    await settle();
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    await this.#inner.read(target, offset);
  }

  async write(source: Uint8Array, offset: number): Promise<void> {
    this.onChange(offset, source.length);
    await this.#gate();
    await this.#inner.write(source, offset);
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    this.onChange(offset, length);
    await this.#gate();
    await this.#inner.writeZeroes(offset, length);
  }

  async discard(offset: number, length: number): Promise<void> {
    if (!this.canDiscard) return;
    this.onChange(offset, length);
    await this.#gate();
    await this.#inner.discard(offset, length);
  }

  async flush(): Promise<void> {
    if (this.gatesFlushes) await this.#gate();
    await this.#inner.flush();
  }

  extents(offset: number, length: number): AsyncIterable<BlockExtent> {
    return this.#inner.extents(offset, length);
  }

  async resize(size: number): Promise<void> {
    await this.#gate();
    await this.#inner.resize(size);
  }

  async close(): Promise<void> {
    await this.#inner.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #gate(): Promise<void> {
    if (this.isOpen) return;
    await new Promise<void>((pass, fail) => this.#waiting.push({ pass, fail }));
  }
}

/** Lets everything happen that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
