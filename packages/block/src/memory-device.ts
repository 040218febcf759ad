import { AccessGuard, checkSize } from './access-guard.ts';
import type { BlockDevice, BlockExtent } from './block-device.ts';
import { isZero } from './is-zero.ts';

const PAGE_SIZE = 4096;
// Shared by all that is zero; never written to.
const ZERO_PAGE: Uint8Array = new Uint8Array(PAGE_SIZE);

/** Of a new `MemoryDevice`. */
export interface MemoryDeviceOptions {
  /** Bytes. */
  readonly size: number;
  readonly label?: string;
  /** Default true. */
  readonly writable?: boolean;
}

/** A sparse disk in memory: what was never written, or is zeros again, takes up none. */
export class MemoryDevice implements BlockDevice {
  readonly label: string;
  readonly writable: boolean;
  readonly canDiscard = true;
  readonly #pages = new Map<number, Uint8Array>();
  readonly #guard = new AccessGuard(this);
  #size: number;

  constructor({ size, label = 'memory device', writable = true }: MemoryDeviceOptions) {
    checkSize(size);
    this.#size = size;
    this.label = label;
    this.writable = writable;
  }

  get size(): number {
    return this.#size;
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    this.#guard.checkRead(offset, target.length);
    this.#read(target, offset);
  }

  async write(source: Uint8Array, offset: number): Promise<void> {
    this.#guard.checkChange(offset, source.length);
    this.#write(source, offset);
  }

  readNow(target: Uint8Array, offset: number): boolean {
    const allows = this.#guard.allowsRead(offset, target.length);
    if (allows) this.#read(target, offset);
    return allows;
  }

  readBlocking(target: Uint8Array, offset: number): boolean {
    return this.readNow(target, offset);
  }

  writeNow(source: Uint8Array, offset: number): boolean {
    const allows = this.#guard.allowsChange(offset, source.length);
    if (allows) this.#write(source, offset);
    return allows;
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    this.#guard.checkChange(offset, length);
    this.#zero(offset, length);
  }

  async discard(offset: number, length: number): Promise<void> {
    await this.writeZeroes(offset, length);
  }

  async flush(): Promise<void> {
    this.#guard.checkOpen();
  }

  async *extents(offset: number, length: number): AsyncGenerator<BlockExtent> {
    this.#guard.checkRead(offset, length);
    if (length === 0) return;
    const end = offset + length;
    const used = [...this.#pages.keys()]
      .filter((index) => index * PAGE_SIZE < end && (index + 1) * PAGE_SIZE > offset)
      .sort((a, b) => a - b);
    let at = offset;
    for (let i = 0; i < used.length;) {
      let last = i;
      while (used[last + 1] === used[last]! + 1) last += 1;
      const start = Math.max(offset, used[i]! * PAGE_SIZE);
      const stop = Math.min(end, (used[last]! + 1) * PAGE_SIZE);
      if (start > at) yield { offset: at, length: start - at, zero: true, allocated: false };
      yield { offset: start, length: stop - start, zero: false, allocated: true };
      at = stop;
      i = last + 1;
    }
    if (at < end) yield { offset: at, length: end - at, zero: true, allocated: false };
  }

  async resize(size: number): Promise<void> {
    this.#guard.checkResize(size);
    if (size < this.#size) this.#zero(size, this.#size - size);
    this.#size = size;
  }

  async close(): Promise<void> {
    this.#guard.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #read(target: Uint8Array, offset: number): void {
    eachPage(offset, target.length, (index, at, done, length) => {
      const page = this.#pages.get(index) ?? ZERO_PAGE;
      target.set(page.subarray(at, at + length), done);
    });
  }

  #write(source: Uint8Array, offset: number): void {
    eachPage(offset, source.length, (index, at, done, length) => {
      const part = source.subarray(done, done + length);
      let page = this.#pages.get(index);
      if (page === undefined) {
        if (isZero(part)) return;
        page = new Uint8Array(PAGE_SIZE);
        this.#pages.set(index, page);
      }
      page.set(part, at);
    });
  }

  #zero(offset: number, length: number): void {
    const end = offset + length;
    const inside = (index: number) => index * PAGE_SIZE < end && (index + 1) * PAGE_SIZE > offset;
    // By what is there or by the range, whichever is less: a trim may cover terabytes.
    const spanned = length / PAGE_SIZE;
    if (spanned > this.#pages.size) {
      for (const index of [...this.#pages.keys()].filter(inside))
        this.#zeroPage(index, offset, end);
      return;
    }
    const last = Math.floor((end - 1) / PAGE_SIZE);
    for (let index = Math.floor(offset / PAGE_SIZE); index <= last; index++) {
      this.#zeroPage(index, offset, end);
    }
  }

  #zeroPage(index: number, offset: number, end: number): void {
    const base = index * PAGE_SIZE;
    if (offset <= base && end >= base + PAGE_SIZE) this.#pages.delete(index);
    else
      this.#pages.get(index)?.fill(0, Math.max(0, offset - base), Math.min(PAGE_SIZE, end - base));
  }
}

function eachPage(
  offset: number,
  length: number,
  visit: (index: number, at: number, done: number, length: number) => void,
): void {
  for (let done = 0; done < length;) {
    const index = Math.floor((offset + done) / PAGE_SIZE);
    const at = offset + done - index * PAGE_SIZE;
    const part = Math.min(length - done, PAGE_SIZE - at);
    visit(index, at, done, part);
    done += part;
  }
}
