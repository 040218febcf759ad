/**
 * - `stored`: what the store holds is the truth, and nobody is changing it.
 * - `in-use`: this store gave it out, live or not. What the store holds is out of date: less than
 *   the truth, or for a live bitmap the truth and possibly more. Only its holder knows.
 * - `inconsistent`: somebody acquired it and never committed it, or what it tells of was changed
 *   without it. It can only be removed.
 * - `unsupported`: an entry of a kind that this version cannot read. It is kept as it is.
 *
 * On disk `in-use` and `inconsistent` are one and the same bit: it is `in-use` to the one who set
 * it, and `inconsistent` to whoever finds it set.
 */
export type BitmapState = 'stored' | 'in-use' | 'inconsistent' | 'unsupported';

/** What a store says of a bitmap without reading its bits. */
export interface BitmapInfo {
  readonly name: string;
  /** Bytes of disk to a bit: a power of two. */
  readonly granularity: number;
  /** Whether writes to the disk are to be recorded in it: the on-disk flag `auto`. */
  readonly enabled: boolean;
  readonly state: BitmapState;
  /** Why it is inconsistent, where the store knows more than that it was left in use. */
  readonly reason?: string;
  /** The same for programs: a stable code of the rule that it broke, such as `inode`. */
  readonly rule?: string;
  /** Names the instant since which it records, see `BitmapChange`. Absent: it is not known. */
  readonly checkpoint?: string;
  /** Why the store cannot tell its checkpoint although it may have had one: a clause. */
  readonly checkpointLost?: string;
  /**
   * The session that recorded in it ended without a close, as far as the store can tell: it holds
   * what was written, and perhaps more. So until it is stored, released or made anew.
   */
  readonly recovered?: boolean;
}
