import { checkBounds, checkRange, checkSameDisk, wholePieces } from './bitmap/bounds.ts';
import type { Unreadable } from './bitmap/chunk-row.ts';
import { ChunkedBits } from './bitmap/chunks.ts';
import { dirtyBytesIn } from './bitmap/count-in.ts';
import { granulesOf, type ResizeOptions } from './bitmap/granules.ts';
import { AllRuns, type DirtyExtent, DirtyRuns, type Range } from './bitmap/extents.ts';
import { mergeFiner } from './bitmap/merge-finer.ts';
import { mergeBits } from './bitmap/rescale.ts';
import { MAX_SHIFT } from './bitmap/kernels/kernels.ts';
import { sha256OfBits } from './bitmap/sha256-of-bits.ts';
import type { UnreadBits } from './bitmap/unread-bits.ts';
import { checkGranularity } from './limits.ts';

/**
 * Which granules of a disk were written: a bit for each, set when it was. Offsets, lengths and
 * sizes are bytes of disk. An operation costs by the range it touches; parts that are all clean or
 * all dirty take no memory.
 */
export class DirtyBitmap {
  readonly granularity: number;
  readonly #bitsPerByte: number;
  #diskSize: number;
  #bits: ChunkedBits;

  /** Clean. @throws BITMAP_INVALID (granularity, size), BITMAP_TOO_LARGE (over 512 MiB of bits) */
  constructor(diskSize: number, granularity: number) {
    checkGranularity(granularity);
    this.granularity = granularity;
    this.#bitsPerByte = 1 / granularity;
    this.#diskSize = diskSize;
    this.#bits = new ChunkedBits(granulesOf(diskSize, granularity));
  }

  get diskSize(): number {
    return this.#diskSize;
  }

  get length(): number {
    return this.#bits.length;
  }

  /** Number of dirty granules. O(1) once bits that were put off are counted. */
  get count(): number {
    return this.#bits.count;
  }

  /** `count` times the granularity, as QEMU reports it: may exceed the disk's size. */
  get dirtyBytes(): number {
    return this.#bits.count * this.granularity;
  }

  /** Memory of bits: 4 KiB for each 4 KiB of them that are not all alike. Clones share it. */
  get allocatedBytes(): number {
    return this.#bits.allocatedBytes;
  }

  /** Marks every granule that the range touches. @throws OUT_OF_RANGE */
  set(offset: number, length: number): void {
    this.#checkRange(offset, length);
    if (length === 0) return;
    const first = this.#bitAt(offset);
    const last = this.#bitAt(offset + length - 1);
    if (first === last) this.#bits.set(first);
    else this.#bits.fill(first, last + 1, 1);
  }

  /**
   * Cleans whole granules. @throws OUT_OF_RANGE; RangeError when the offset is not aligned, or the
   * length neither aligned nor up to the disk's end: a granule in part is still dirty
   */
  reset(offset: number, length: number): void {
    this.#checkRange(offset, length);
    if (length === 0) return;
    const end = offset + length;
    const isWhole = end % this.granularity === 0 || end === this.#diskSize;
    if (offset % this.granularity !== 0 || !isWhole) {
      throw new RangeError(
        `${length} bytes at ${offset} are not whole granules of ${this.granularity} bytes`,
      );
    }
    this.#bits.fill(this.#bitAt(offset), this.#bitAt(end - 1) + 1, 0);
  }

  /** @throws OUT_OF_RANGE */
  isDirty(offset: number): boolean {
    this.#checkRange(offset, 1);
    return this.#bits.test(this.#bitAt(offset));
  }

  /** Dirty bytes of the range; it costs little however long that is. @throws OUT_OF_RANGE */
  dirtyBytesIn(offset: number, length: number): number {
    return dirtyBytesIn(this.#bits, this.#rangeOf(offset, length));
  }

  clear(): void {
    this.#bits.fill(0, this.length, 0);
  }

  setAll(): void {
    this.#bits.fill(0, this.length, 1);
  }

  /** The first dirty byte of [offset, end), or -1. What lies behind the disk's end is neither. */
  nextDirty(offset: number, end: number = this.#diskSize): number {
    checkBounds(offset, end);
    return this.#next(offset, end, 1);
  }

  /** The first clean byte of [offset, end), or -1. */
  nextClean(offset: number, end: number = this.#diskSize): number {
    checkBounds(offset, end);
    return this.#next(offset, end, 0);
  }

  /**
   * The range as runs in order, dirty and clean in turn, cut at its ends. Default: the whole disk.
   * Changes made meanwhile show in what is still to come; the disk must not be resized meanwhile.
   * @throws OUT_OF_RANGE
   */
  extents(offset = 0, length: number = this.#diskSize - offset): IterableIterator<DirtyExtent> {
    return new AllRuns(this.#bits, this.#rangeOf(offset, length));
  }

  /** The dirty runs of the range in order, cut at its ends. Default: of the whole disk. */
  dirtyExtents(
    offset = 0,
    length: number = this.#diskSize - offset,
  ): IterableIterator<DirtyExtent> {
    return new DirtyRuns(this.#bits, this.#rangeOf(offset, length));
  }

  /** Makes dirty what is dirty in `source`, rounding outward. @throws BITMAP_INVALID: other size */
  merge(source: DirtyBitmap): void {
    checkSameDisk(this.#diskSize, source.#diskSize);
    const shift = Math.log2(this.granularity) - Math.log2(source.granularity);
    if (Math.abs(shift) <= MAX_SHIFT) mergeBits(this.#bits, source.#bits, shift);
    else if (shift > 0) mergeFiner(this, source);
    else for (const { offset, length } of source.dirtyExtents()) this.set(offset, length);
  }

  /**
   * Takes on the size of a resized disk. A granule that straddles a new, smaller end keeps its bit;
   * `grown` says what the added part is, the granule that straddles the old end included.
   * @throws as the constructor, with nothing changed
   */
  resize(diskSize: number, { grown }: ResizeOptions): void {
    const length = granulesOf(diskSize, this.granularity);
    const before = this.#diskSize;
    this.#bits.resize(length);
    this.#diskSize = diskSize;
    if (grown === 'dirty' && diskSize > before) this.set(before, diskSize - before);
  }

  /**
   * Costs next to nothing: each part is copied when it is changed, here or there. `unreadable`: what
   * bits that cannot be read are in the copy: clean to who has to know what is dirty where they are
   * kept. Default: as here, which is dirty at first.
   */
  clone({ unreadable }: { readonly unreadable?: Unreadable } = {}): DirtyBitmap {
    const copy = new DirtyBitmap(0, this.granularity);
    copy.#diskSize = this.#diskSize;
    copy.#bits = this.#bits.clone(unreadable);
    return copy;
  }

  /**
   * Serialised bytes are those of `bits`, one object for all of a bitmap; they are read in the tick
   * in which they are needed. @throws RangeError: no whole pieces of 4 KiB
   */
  putOff(at: number, length: number, bits: UnreadBits): void {
    const { first, end } = wholePieces({ at, length, size: this.serializedLength });
    this.#bits.putOff(first, Math.min(end, this.#bits.chunkCount), bits);
  }

  /** Counts bits that are not in memory while others go on, so that `count` reads nothing. */
  async countAhead(signal?: AbortSignal): Promise<void> {
    await this.#bits.countAhead(signal);
  }

  equals(other: DirtyBitmap): boolean {
    return (
      this.#diskSize === other.#diskSize &&
      this.granularity === other.granularity &&
      this.#bits.equals(other.#bits)
    );
  }

  /**
   * Bytes of the serialised form: bit n is bit n % 8, lowest first, of byte n / 8; whole 64-bit
   * words, at least one.
   */
  get serializedLength(): number {
    return 8 * Math.max(1, Math.ceil(this.length / 64));
  }

  /** Copies serialised bytes from `at` on out; behind the end they are zeros. */
  serialize(target: Uint8Array, at = 0): void {
    checkBounds(at, at);
    this.#bits.readBytes(target, at);
  }

  /** Takes serialised bytes from `at` on in; bits behind the disk's end are dropped. */
  deserialize(source: Uint8Array, at = 0): void {
    checkBounds(at, at);
    this.#bits.writeBytes(source, at);
  }

  /** What serialised bytes hold. Bits behind the disk's end are zeros. */
  contentOf(at: number, length: number): 'zeros' | 'ones' | 'mixed' {
    checkBounds(at, at + length);
    const from = Math.min(this.length, at * 8);
    const to = Math.min(this.length, (at + length) * 8);
    if (from === to || this.#bits.find(from, to, 1) < 0) return 'zeros';
    return to === (at + length) * 8 && this.#bits.find(from, to, 0) < 0 ? 'ones' : 'mixed';
  }

  /** Gives all bits in serialised bytes one value, those behind the disk's end excepted. */
  fill(at: number, length: number, dirty: boolean): void {
    checkBounds(at, at + length);
    const from = Math.min(this.length, at * 8);
    this.#bits.fill(from, Math.min(this.length, (at + length) * 8), dirty ? 1 : 0);
  }

  /** SHA-256 of the serialised form in lower-case hex: QEMU's x-debug-block-dirty-bitmap-sha256. */
  sha256(): string {
    return sha256OfBits(this.#bits, this.serializedLength);
  }

  #next(offset: number, end: number, wanted: 0 | 1): number {
    const stop = Math.min(end, this.#diskSize);
    if (offset >= stop) return -1;
    const bit = this.#bits.find(this.#bitAt(offset), this.#bitAt(stop - 1) + 1, wanted);
    return bit < 0 ? -1 : Math.max(offset, bit * this.granularity);
  }

  /** A product, which is exact as well for a power of two, and less work than a quotient. */
  #bitAt(offset: number): number {
    return Math.floor(offset * this.#bitsPerByte);
  }

  #rangeOf(offset: number, length: number): Range {
    this.#checkRange(offset, length);
    return { offset, end: offset + length, granularity: this.granularity };
  }

  #checkRange(offset: number, length: number): void {
    checkRange(offset, length, this.#diskSize);
  }
}
