/** What happens to the part that a resize adds. */
export interface ResizeOptions {
  readonly grown: 'dirty' | 'clean';
}

/** A run of granules of one kind, cut at the disk's end. Bytes. */
export interface DirtyExtent {
  readonly offset: number;
  readonly length: number;
  readonly dirty: boolean;
}

/** Which granules of a disk were written. (Signatures; the implementation follows.) */
export declare class DirtyBitmap {
  /** @throws BITMAP_INVALID (granularity, size), BITMAP_TOO_LARGE (more than 512 MiB of bits) */
  constructor(diskSize: number, granularity: number);
  readonly diskSize: number;
  readonly granularity: number;
  /** Number of granules. */
  readonly length: number;
  /** Number of dirty granules. O(1). */
  readonly count: number;
  /** `count` times the granularity, as QEMU reports it: may exceed the disk's size. */
  readonly dirtyBytes: number;
  /** Marks every granule that the byte range touches. A range outside the disk: OUT_OF_RANGE. */
  set(offset: number, length: number): void;
  /** Cleans whole granules: offset aligned, length aligned or reaching the disk's end. */
  reset(offset: number, length: number): void;
  isDirty(offset: number): boolean;
  clear(): void;
  setAll(): void;
  /** First dirty (clean) byte in [offset, end), or -1. `end` defaults to the disk's size. */
  nextDirty(offset: number, end?: number): number;
  nextClean(offset: number, end?: number): number;
  /** Runs of [offset, offset+length), alternating, clamped to it. Defaults to the whole disk. */
  extents(offset?: number, length?: number): Generator<DirtyExtent>;
  /** Dirty runs only; skips clean chunks at no cost. */
  dirtyExtents(offset?: number, length?: number): Generator<DirtyExtent>;
  /** This OR source; granularities may differ; disk sizes must be equal (BITMAP_INVALID). */
  merge(source: DirtyBitmap): void;
  resize(diskSize: number, options: ResizeOptions): void;
  clone(): DirtyBitmap;
  equals(other: DirtyBitmap): boolean;
  /** Bytes of the serialised form: whole 64-bit words, at least one. */
  readonly serializedLength: number;
  /** Copies serialised bytes [at, at+target.length) out; beyond the end reads zeros. */
  serialize(target: Uint8Array, at?: number): void;
  /** Takes serialised bytes in; bits behind the disk's end are dropped. */
  deserialize(source: Uint8Array, at?: number): void;
  /** What the serialised bytes [at, at+length) hold, without looking at each bit where known. */
  contentOf(at: number, length: number): 'zeros' | 'ones' | 'mixed';
  /** Fills the serialised bytes [at, at+length) with one value. */
  fill(at: number, length: number, dirty: boolean): void;
  /** As x-debug-block-dirty-bitmap-sha256 computes it; lower-case hex. */
  sha256(): string;
}
