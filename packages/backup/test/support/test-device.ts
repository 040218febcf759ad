import type { BlockDevice, BlockExtent } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';

const PAGE = 4096;

/** What a test wants to know of the calls that reached a device. */
export interface DeviceCalls {
  reads: number;
  bytesRead: number;
  mostReadsInFlight: number;
  writes: number;
  zeroedBytes: number;
  flushes: number;
}

/** A naive sparse device that counts calls and fails where it is told to. */
export class TestDevice implements BlockDevice {
  readonly label = 'test device';
  readonly writable = true;
  readonly canDiscard = true;
  readonly calls: DeviceCalls = {
    reads: 0,
    bytesRead: 0,
    mostReadsInFlight: 0,
    writes: 0,
    zeroedBytes: 0,
    flushes: 0,
  };
  /** Called before each read; may throw. */
  onRead: (offset: number) => void | Promise<void> = () => {};
  onFlush: () => void = () => {};
  #size: number;
  #inFlight = 0;
  readonly #pages = new Map<number, Uint8Array>();

  constructor(size: number) {
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  #check(offset: number, length: number): void {
    if (offset >= 0 && offset + length <= this.#size) return;
    throw new TidemarkError('OUT_OF_RANGE', `${offset}+${length} leaves the test device`);
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    this.#check(offset, target.length);
    this.calls.reads++;
    this.calls.bytesRead += target.length;
    this.calls.mostReadsInFlight = Math.max(this.calls.mostReadsInFlight, ++this.#inFlight);
    try {
      await this.onRead(offset);
      for (let at = 0; at < target.length;) {
        const page = Math.floor((offset + at) / PAGE);
        const start = (offset + at) % PAGE;
        const length = Math.min(PAGE - start, target.length - at);
        const content = this.#pages.get(page);
        if (content === undefined) target.fill(0, at, at + length);
        else target.set(content.subarray(start, start + length), at);
        at += length;
      }
    } finally {
      this.#inFlight--;
    }
  }

  async write(source: Uint8Array, offset: number): Promise<void> {
    this.#check(offset, source.length);
    this.calls.writes++;
    for (let at = 0; at < source.length;) {
      const page = Math.floor((offset + at) / PAGE);
      const start = (offset + at) % PAGE;
      const length = Math.min(PAGE - start, source.length - at);
      const content = this.#pages.get(page) ?? new Uint8Array(PAGE);
      content.set(source.subarray(at, at + length), start);
      this.#pages.set(page, content);
      at += length;
    }
  }

  /** Whole pages become holes; what is left of others is written as zeros. */
  async writeZeroes(offset: number, length: number): Promise<void> {
    this.#check(offset, length);
    this.calls.zeroedBytes += length;
    for (const page of this.#pages.keys()) {
      const from = Math.max(offset, page * PAGE);
      const to = Math.min(offset + length, (page + 1) * PAGE);
      if (from >= to) continue;
      if (to - from === PAGE) this.#pages.delete(page);
      else this.#pages.get(page)!.fill(0, from - page * PAGE, to - page * PAGE);
    }
  }

  async discard(offset: number, length: number): Promise<void> {
    await this.writeZeroes(offset, length);
  }

  async flush(): Promise<void> {
    this.onFlush();
    this.calls.flushes++;
  }

  async *extents(offset: number, length: number): AsyncGenerator<BlockExtent> {
    const end = offset + length;
    let at = offset;
    const pages = [...this.#pages.keys()].sort((a, b) => a - b);
    for (const page of pages) {
      const from = Math.max(offset, page * PAGE);
      const to = Math.min(end, (page + 1) * PAGE);
      if (from >= to) continue;
      if (from > at) yield { offset: at, length: from - at, zero: true, allocated: false };
      yield { offset: from, length: to - from, zero: false, allocated: true };
      at = to;
    }
    if (at < end) yield { offset: at, length: end - at, zero: true, allocated: false };
  }

  async resize(size: number): Promise<void> {
    if (size < this.#size) await this.writeZeroes(size, this.#size - size);
    this.#size = size;
  }

  /** All of it, for small devices. */
  async content(): Promise<Buffer> {
    const bytes = Buffer.alloc(this.#size);
    for (const [page, content] of this.#pages) {
      const start = page * PAGE;
      if (start < this.#size) bytes.set(content.subarray(0, this.#size - start), start);
    }
    return bytes;
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}
