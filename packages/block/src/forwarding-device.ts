import type { BlockDevice, BlockExtent, WriteZeroesOptions } from './block-device.ts';

/** A device that is another one, but for what a subclass makes different. */
export class ForwardingDevice<Below extends BlockDevice = BlockDevice> implements BlockDevice {
  protected readonly below: Below;

  constructor(below: Below) {
    this.below = below;
  }

  get label(): string {
    return this.below.label;
  }
  get size(): number {
    return this.below.size;
  }
  get writable(): boolean {
    return this.below.writable;
  }
  get canDiscard(): boolean {
    return this.below.canDiscard;
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    return this.below.read(target, offset);
  }
  async write(source: Uint8Array, offset: number): Promise<void> {
    return this.below.write(source, offset);
  }
  readNow(target: Uint8Array, offset: number): boolean {
    return this.below.readNow?.(target, offset) ?? false;
  }
  readBlocking(target: Uint8Array, offset: number): boolean {
    return this.below.readBlocking?.(target, offset) ?? false;
  }
  writeNow(source: Uint8Array, offset: number): boolean {
    return this.below.writeNow?.(source, offset) ?? false;
  }
  async writeZeroes(offset: number, length: number, options?: WriteZeroesOptions): Promise<void> {
    return this.below.writeZeroes(offset, length, options);
  }
  async discard(offset: number, length: number): Promise<void> {
    return this.below.discard(offset, length);
  }
  async flush(): Promise<void> {
    return this.below.flush();
  }
  extents(offset: number, length: number): AsyncIterable<BlockExtent> {
    return this.below.extents(offset, length);
  }
  assertWhole(): void {
    this.below.assertWhole?.();
  }
  async resize(size: number): Promise<void> {
    return this.below.resize(size);
  }

  async close(): Promise<void> {
    return this.below.close();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
