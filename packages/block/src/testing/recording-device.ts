import { AccessGuard } from '../access-guard.ts';
import type { BlockDevice, BlockExtent, WriteZeroesOptions } from '../block-device.ts';
import { MemoryDevice } from '../memory-device.ts';
import type { DeviceEvent } from './device-event.ts';

/** Of a new `RecordingDevice`. */
export interface RecordingDeviceOptions {
  /** What the device held before. Default: zeros. */
  readonly base?: MemoryDevice;
}

/**
 * Records what reaches a device, for power cuts at every place: changes when they are issued, since
 * they may be on the disk from then on; flushes when they are done. Closes the inner device.
 */
export class RecordingDevice implements BlockDevice {
  readonly events: DeviceEvent[] = [];
  /** What the device held when the recording began. */
  readonly base: MemoryDevice;
  readonly #inner: BlockDevice;
  readonly #guard = new AccessGuard(this);
  /** Events that are issued and not acknowledged, by index. */
  readonly #unacknowledged = new Set<number>();

  constructor(inner: BlockDevice, options: RecordingDeviceOptions = {}) {
    this.#inner = inner;
    this.base = options.base ?? new MemoryDevice({ size: inner.size });
  }

  /** Records from what the device holds now. */
  static async startOn(inner: BlockDevice): Promise<RecordingDevice> {
    return new RecordingDevice(inner, { base: await copyToMemory(inner) });
  }

  get label(): string {
    return this.#inner.label;
  }

  get size(): number {
    return this.#inner.size;
  }

  get writable(): boolean {
    return this.#inner.writable;
  }

  get canDiscard(): boolean {
    return this.#inner.canDiscard;
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    this.#guard.checkRead(offset, target.length);
    await this.#inner.read(target, offset);
  }

  async write(source: Uint8Array, offset: number): Promise<void> {
    this.#guard.checkChange(offset, source.length);
    await this.#record({ op: 'write', offset, bytes: new Uint8Array(source) }, () =>
      this.#inner.write(source, offset),
    );
  }

  readNow(target: Uint8Array, offset: number): boolean {
    if (!this.#guard.allowsRead(offset, target.length)) return false;
    return this.#inner.readNow?.(target, offset) ?? false;
  }

  readBlocking(target: Uint8Array, offset: number): boolean {
    if (!this.#guard.allowsRead(offset, target.length)) return false;
    return this.#inner.readBlocking?.(target, offset) ?? false;
  }

  /** One that did it in part, or perhaps, stays unacknowledged. */
  writeNow(source: Uint8Array, offset: number): boolean {
    const inner = this.#inner;
    if (inner.writeNow === undefined) return false;
    if (!this.#guard.allowsChange(offset, source.length)) return false;
    const event = { op: 'write', offset, bytes: new Uint8Array(source) } as const;
    const index = this.events.push(event) - 1;
    const isDone = inner.writeNow(source, offset);
    if (!isDone) this.#unacknowledged.add(index);
    return isDone;
  }

  async writeZeroes(offset: number, length: number, options?: WriteZeroesOptions): Promise<void> {
    this.#guard.checkChange(offset, length);
    await this.#record({ op: 'writeZeroes', offset, length }, () =>
      this.#inner.writeZeroes(offset, length, options),
    );
  }

  async discard(offset: number, length: number): Promise<void> {
    this.#guard.checkChange(offset, length);
    await this.#record({ op: 'discard', offset, length }, () =>
      this.#inner.discard(offset, length),
    );
  }

  async flush(): Promise<void> {
    this.#guard.checkOpen();
    const upTo = this.events.length;
    const except = new Set(this.#unacknowledged);
    await this.#inner.flush();
    this.events.push({ op: 'flush', upTo, except });
  }

  async *extents(offset: number, length: number): AsyncGenerator<BlockExtent> {
    this.#guard.checkRead(offset, length);
    yield* this.#inner.extents(offset, length);
  }

  async resize(size: number): Promise<void> {
    this.#guard.checkResize(size);
    await this.#record({ op: 'resize', size }, () => this.#inner.resize(size));
  }

  async close(): Promise<void> {
    this.#guard.close();
    await this.#inner.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** A call that fails stays unacknowledged: any part of it may be on the disk, ever after. */
  async #record(event: DeviceEvent, act: () => Promise<void>): Promise<void> {
    const index = this.events.push(event) - 1;
    this.#unacknowledged.add(index);
    await act();
    this.#unacknowledged.delete(index);
  }
}

const COPY_STEP = 1024 * 1024;

/** A copy of all that a device holds; what is known to be zero is not read. */
export async function copyToMemory(source: BlockDevice): Promise<MemoryDevice> {
  const copy = new MemoryDevice({ size: source.size });
  for await (const extent of source.extents(0, source.size)) {
    if (extent.zero) continue;
    const end = extent.offset + extent.length;
    for (let at = extent.offset; at < end; at += COPY_STEP) {
      const piece = new Uint8Array(Math.min(COPY_STEP, end - at));
      await source.read(piece, at);
      await copy.write(piece, at);
    }
  }
  return copy;
}
