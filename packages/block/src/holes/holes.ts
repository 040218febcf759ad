/** Runs of data, as start, end, start, end; `upTo` is how far they are known. */
export interface DataRuns {
  readonly upTo: number;
  readonly bounds: readonly number[];
}

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export interface ZeroOptions {
  /** Give the space back; otherwise keep it. */
  readonly unmap: boolean;
}

/** What the system knows of an open file's holes, and how it makes them. */
export interface Holes {
  readonly canDiscard: boolean;
  /** Undefined where it cannot be known: all of it is data. @throws IO_FAILED */
  dataRuns(start: number, end: number): Promise<DataRuns | undefined>;
  /**
   * Zeros without writing them.
   * @returns the part that reads as zeros now; empty where the rest is the caller's to write
   */
  zero(range: ByteRange, options: ZeroOptions): Promise<ByteRange>;
  /** Does what it can. @throws IO_FAILED */
  discard(range: ByteRange): Promise<void>;
  /** Resolves when no helper has the file open any more. */
  close(): Promise<void>;
}

/** For files of which the system knows nothing, such as those of memfs. */
export const NO_HOLES: Holes = {
  canDiscard: false,
  dataRuns: () => Promise.resolve(undefined),
  zero: ({ offset }) => Promise.resolve({ offset, length: 0 }),
  discard: () => Promise.resolve(),
  close: () => Promise.resolve(),
};
