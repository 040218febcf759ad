/** A run of a device's content of one kind. Bytes. */
export interface BlockExtent {
  readonly offset: number;
  readonly length: number;
  /** Reads as zeros, known without reading. */
  readonly zero: boolean;
  /** Takes up space where it is kept. Unallocated and not zero: the content is of a backing file. */
  readonly allocated: boolean;
  /**
   * Which layer of a backing chain tells: 1 for the device itself, 2 for its backing file, and so on;
   * 0 where none does. Absent for devices that have no layers.
   */
  readonly depth?: number;
}

/** How `BlockDevice.writeZeroes` may do it. */
export interface WriteZeroesOptions {
  /** May give the space back. Default true. */
  readonly unmap?: boolean;
  /**
   * Fails with DEVICE_UNSUPPORTED, and changes nothing, where zeros would have to be written as data.
   * Default false.
   */
  readonly fast?: boolean;
}

/**
 * A disk of `size` bytes. Offsets and lengths are bytes; no alignment is asked of the caller.
 * Buffers belong to the caller and are not kept after the promise settles. A range that leaves the
 * device is refused with OUT_OF_RANGE, and nothing is done. Calls may overlap in time; the order of
 * overlapping writes is then undefined.
 */
export interface BlockDevice extends AsyncDisposable {
  /** Names the device in messages, for example `raw file '/vm/a.raw'`. */
  readonly label: string;
  readonly size: number;
  readonly writable: boolean;
  /** Whether `discard` gives space back; if not, it does nothing at all. */
  readonly canDiscard: boolean;

  /** Fills `target` whole. */
  read(target: Uint8Array, offset: number): Promise<void>;

  /** @throws DEVICE_READ_ONLY, NO_SPACE, IO_FAILED: any part may have been written */
  write(source: Uint8Array, offset: number): Promise<void>;

  /**
   * As `read`, but in this tick: what is at hand costs less so. Absent where nothing ever is.
   * @returns false: some of it or none is done, so call `read`, which throws what there is to throw
   */
  readNow?(target: Uint8Array, offset: number): boolean;

  /**
   * As `readNow`, however long the disk takes, for which all of the process waits: for little that
   * cannot be asked for in another way. Absent where that cannot be done.
   */
  readBlocking?(target: Uint8Array, offset: number): boolean;

  /** As `write`, in this tick. @returns false: some of it or none is done, so call `write` */
  writeNow?(source: Uint8Array, offset: number): boolean;

  /** The range reads as zeros afterwards. */
  writeZeroes(offset: number, length: number, options?: WriteZeroesOptions): Promise<void>;

  /** A hint: the range is no longer needed. Afterwards it reads as old data or zeros. */
  discard(offset: number, length: number): Promise<void>;

  /**
   * What was acknowledged before the call is durable when this resolves. Where a failure leaves it
   * open what is, each later flush fails too.
   */
  flush(): Promise<void>;

  /** The range in order, without gaps, neighbours of one kind merged where that is cheap. */
  extents(offset: number, length: number): AsyncIterable<BlockExtent>;

  /**
   * Asks the system, in this tick. Absent where nobody else can cut it short.
   * @throws IO_FAILED: somebody has, and zeros would take the place of what is gone
   */
  assertWhole?(): void;

  /** New bytes read as zeros. @throws DEVICE_UNSUPPORTED where the size is fixed */
  resize(size: number): Promise<void>;

  /** Flushes first if anything was written. Idempotent; every other call is refused afterwards. */
  close(): Promise<void>;
}
