/** Bytes of serialised bits that are written in place at once, or not at all: a disk's sector. */
export const LIVE_SECTOR_BYTES = 512;

/** Serialised bits from byte `at` on, with zeros behind their end. */
export type NewestBits = (target: Uint8Array, at: number) => void;

/** Bytes of serialised bits. */
export interface LiveSpan {
  readonly at: number;
  readonly length: number;
}

/**
 * The bits of one live bitmap as they lie on disk. What is written here takes effect at once and
 * without a commit, so only a superset of the truth may ever be written.
 */
export interface LiveBits {
  /**
   * Puts serialised bits in place, from byte `at` on: whole sectors of 512 bytes, with zeros behind
   * the end of the bits. Where there is no room for them, all bits of the part around them are set
   * instead, until a write to that part finds room: then it gets its newest bits. Durable after the next `sync` of the store; a crash before that leaves of each sector
   * what was there or what was written. Calls must not overlap in the bytes they name.
   * `newest`: fills `target` with the bits from a byte on as they are to be by now, of any part.
   * @returns the part that has all of its bits set for want of room, if it is one
   * @throws IO_FAILED, STORE_FAILED, STORE_CLOSED: old and new bits are both possible there
   * @throws RangeError: no whole sectors of this bitmap; or it got other content, was released or
   *   removed since, and nothing was written
   */
  write(bytes: Uint8Array, at: number, newest?: NewestBits): Promise<LiveSpan | void>;
}

/**
 * A promise on disk that no write to the drive begins after some time. It lets whoever comes after a
 * crash tell our writes from those of others, and has to be renewed while there are writes.
 */
export interface WriteLease {
  /** Whether a write to the drive may begin in this very tick. While asked, it is renewed in time. */
  allowsWrite(): boolean;
  /** A write to the drive begins, in the tick in which it was allowed. */
  begin(): void;
  /** It has ended, well or badly: once for each that began. */
  end(): void;
  /**
   * Makes it so, durably. Ask again afterwards: time may have passed.
   * @throws I/O codes, STORE_FAILED, STORE_CLOSED: the write must not begin
   * @throws BITMAP_INCONSISTENT: somebody else has written the drive. The bitmaps that were live are
   *   inconsistent now, durably: they need no marks any more, and hold up no write
   */
  renew(): Promise<void>;
  /**
   * Never renews it again. Resolves when it has ended and the drive is durably newer than it: whoever
   * comes after a crash takes none of the bitmaps for valid, without a word from the store.
   * @throws I/O codes: that cannot be made sure of
   */
  lapse(): Promise<void>;
}

/** What a store does for bitmaps that record while they lie, always valid, on disk. */
export interface LiveBitmaps {
  /**
   * Whether live bitmaps are flagged as in use where they are kept, so that other programs do not
   * trust them. A store of the same kind does, once it has made sure that it may.
   */
  readonly inUse: boolean;
  /** To be asked before each write to the drive while a bitmap is live. Absent: none is needed. */
  readonly lease?: WriteLease | undefined;
  /** @throws RangeError: it is not live */
  bits(name: string): LiveBits;
  /**
   * All that was written before the call, to bits and to the disk's directory, is durable after.
   * @throws IO_FAILED, STORE_FAILED, STORE_CLOSED: nobody knows what of it is
   */
  sync(): Promise<void>;
}

/**
 * What a backend does in addition, if it can keep bitmaps valid on disk while they record. With it a
 * backend promises that a crash leaves a superset of the truth, and not an inconsistent bitmap.
 */
export interface LiveBackend {
  /**
   * Whether live bitmaps are flagged as in use on disk, because others must not trust them. After a
   * crash `readDirectory` has to say `inUse: false` of those that it can vouch for nevertheless.
   */
  readonly inUse: boolean;
  /**
   * See `LiveBitmaps`. It holds from the `replaceDirectory` that made bitmaps live. From an error
   * BITMAP_INCONSISTENT on, of its own or of a `replaceDirectory` that changed nothing, those are
   * inconsistent, for the reason in its message and by the rule in its context.
   */
  readonly lease?: WriteLease | undefined;
  /** Of a bitmap as the directory has it now; asked anew when it gets other content. */
  openBits(name: string): Promise<LiveBits>;
  sync(): Promise<void>;
}
