import type {
  BlockDevice,
  BlockExtent,
  DriveFacts,
  FactsOptions,
  KnownByFacts,
  WriteZeroesOptions,
} from '@tidemark/block';

/** A device that somebody else closes: for this user, closing makes durable what was written. */
export class UnownedDevice implements BlockDevice, KnownByFacts {
  readonly #device: BlockDevice & Partial<KnownByFacts>;

  constructor(device: BlockDevice & Partial<KnownByFacts>) {
    this.#device = device;
  }

  get label(): string {
    return this.#device.label;
  }
  get size(): number {
    return this.#device.size;
  }
  get writable(): boolean {
    return this.#device.writable;
  }
  get canDiscard(): boolean {
    return this.#device.canDiscard;
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    return this.#device.read(target, offset);
  }
  async write(source: Uint8Array, offset: number): Promise<void> {
    return this.#device.write(source, offset);
  }
  readNow(target: Uint8Array, offset: number): boolean {
    return this.#device.readNow?.(target, offset) ?? false;
  }
  writeNow(source: Uint8Array, offset: number): boolean {
    return this.#device.writeNow?.(source, offset) ?? false;
  }
  async writeZeroes(offset: number, length: number, options?: WriteZeroesOptions): Promise<void> {
    return this.#device.writeZeroes(offset, length, options);
  }
  async discard(offset: number, length: number): Promise<void> {
    return this.#device.discard(offset, length);
  }
  async flush(): Promise<void> {
    return this.#device.flush();
  }
  extents(offset: number, length: number): AsyncIterable<BlockExtent> {
    return this.#device.extents(offset, length);
  }
  async resize(size: number): Promise<void> {
    return this.#device.resize(size);
  }
  async facts(options?: FactsOptions): Promise<DriveFacts | undefined> {
    return this.#device.facts?.(options);
  }

  async close(): Promise<void> {
    if (this.writable) await this.#device.flush();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
