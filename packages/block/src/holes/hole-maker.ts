/** Bits of fallocate(2). */
export const KEEP_SIZE = 0x01;
export const PUNCH_HOLE = 0x02;
export const ZERO_RANGE = 0x10;

/** What came of asking the system; `unsupported` is for good, the rest is an error. */
export type Outcome = 'done' | 'unsupported' | Error;

/** A way to the system calls that Node lacks. */
export interface HoleMaker {
  fallocate(mode: number, offset: number, length: number): Promise<Outcome>;
  /** Of a block device. */
  discard(offset: number, length: number): Promise<Outcome>;
}
