import type { BlockDevice, BlockExtent } from '@tidemark/block';
import { TidemarkError } from '@tidemark/core';

/** What a disk writes whole or not at all. Bytes. */
export const SECTOR = 512;

/** A sector's content, never changed, and two lanes of a hash of it. */
export interface Sector {
  readonly bytes: Uint8Array;
  readonly low: number;
  readonly high: number;
}

const ZERO: Sector = { bytes: new Uint8Array(SECTOR), low: 0, high: 0 };

/** `bytes` belong to the sector from then on. */
export function sectorOf(bytes: Uint8Array<ArrayBuffer>): Sector {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, SECTOR / 4);
  let low = 0x811c_9dc5;
  let high = 0x1234_5678;
  let any = 0;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    any |= word;
    low = Math.imul(low ^ word, 0x0100_0193);
    low ^= low >>> 15;
    high = Math.imul(high + word, 0x9e37_79b1) ^ (high >>> 13);
  }
  return any === 0 ? ZERO : { bytes, low, high };
}

/**
 * The sectors of a disk, as a layer over those below, which must not change meanwhile: what a power
 * cut leaves costs no more than what it changes.
 */
export class Sectors {
  size: number;
  /** Of the whole content, and kept up with each change. */
  #low: number;
  #high: number;
  readonly #own = new Map<number, Sector>();
  readonly #below: Sectors | undefined;

  constructor(below: Sectors | { readonly size: number }) {
    const isLayer = below instanceof Sectors;
    this.#below = isLayer ? below : undefined;
    this.size = below.size;
    this.#low = isLayer ? below.#low : 0;
    this.#high = isLayer ? below.#high : 0;
  }

  /** Of the content and the size: the same for the same disk. */
  get hash(): number {
    const low = Math.imul(this.#low ^ this.size, 0x85eb_ca6b);
    return (this.#high & 0x1f_ffff) * 2 ** 32 + (low >>> 0);
  }

  get(index: number): Sector {
    return this.#own.get(index) ?? this.#below?.get(index) ?? ZERO;
  }

  put(index: number, sector: Sector): void {
    const old = this.get(index);
    if (old === sector) return;
    this.#low ^= laneOf(old.low, index) ^ laneOf(sector.low, index);
    this.#high ^= laneOf(old.high, index) ^ laneOf(sector.high, index);
    this.#own.set(index, sector);
  }

  /** Changes some bytes of one sector. */
  patch(index: number, part: Uint8Array, at: number): void {
    const bytes = new Uint8Array(this.get(index).bytes);
    bytes.set(part, at);
    this.put(index, sectorOf(bytes));
  }

  resize(size: number): void {
    for (let at = Math.ceil(size / SECTOR); at * SECTOR < this.size; at++) this.put(at, ZERO);
    this.size = size;
  }

  /** Sectors that are not zeros, in no order. Of a lowest layer only. */
  *entries(): Iterable<readonly [index: number, sector: Sector]> {
    yield* this.#own;
  }

  read(target: Uint8Array, offset: number): void {
    for (let done = 0; done < target.length;) {
      const index = Math.floor((offset + done) / SECTOR);
      const at = (offset + done) % SECTOR;
      const length = Math.min(SECTOR - at, target.length - done);
      const { bytes } = this.get(index);
      target.set(at === 0 && length === SECTOR ? bytes : bytes.subarray(at, at + length), done);
      done += length;
    }
  }

  /** The whole content, and `more` zeros behind it. */
  bytes(more = 0): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.size + more);
    this.#layOn(bytes.subarray(0, this.size));
    return bytes;
  }

  /** What is zeros in all layers costs nothing. */
  #layOn(bytes: Uint8Array): void {
    if (this.#below !== undefined) this.#below.#layOn(bytes);
    for (const [index, sector] of this.#own) {
      const at = index * SECTOR;
      if (at + SECTOR <= bytes.length) bytes.set(sector.bytes, at);
      else if (at < bytes.length) bytes.set(sector.bytes.subarray(0, bytes.length - at), at);
    }
  }
}

/** The same sector elsewhere on the disk is another state. */
function laneOf(lane: number, index: number): number {
  return lane === 0 ? 0 : Math.imul(lane ^ Math.imul(index + 1, 0x27d4_eb2f), 0xc2b2_ae35);
}

/** Sectors, for reading. */
export class SectorDevice implements BlockDevice {
  readonly label = 'disk after a power cut';
  readonly writable = false;
  readonly canDiscard = false;
  readonly sectors: Sectors;

  constructor(sectors: Sectors) {
    this.sectors = sectors;
  }

  get size(): number {
    return this.sectors.size;
  }

  async read(target: Uint8Array, offset: number): Promise<void> {
    if (offset + target.length > this.size) {
      throw new TidemarkError('OUT_OF_RANGE', `a read behind ${this.size}`, { where: this.label });
    }
    this.sectors.read(target, offset);
  }

  async *extents(offset: number, length: number): AsyncGenerator<BlockExtent> {
    if (length > 0) yield { offset, length, zero: false, allocated: true };
  }

  async write(): Promise<void> {
    throw this.#refusal();
  }

  async writeZeroes(): Promise<void> {
    throw this.#refusal();
  }

  async discard(): Promise<void> {
    throw this.#refusal();
  }

  async resize(): Promise<void> {
    throw this.#refusal();
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  #refusal(): TidemarkError {
    return new TidemarkError('DEVICE_READ_ONLY', 'it is only looked at', { where: this.label });
  }
}
