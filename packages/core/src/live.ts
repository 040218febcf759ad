/** Bytes of serialised bits that are written in place at once, or not at all: a disk's sector. */
export const LIVE_SECTOR_BYTES = 512;

/**
 * The bits of one live bitmap as they lie on disk. What is written here takes effect at once and
 * without a commit, so only a superset of the truth may ever be written.
 */
export interface LiveBits {
  /**
   * Puts serialised bits in place, from byte `at` on: whole sectors, up to the end of the bits.
   * Where there is no room for them, all bits of the part around them are set instead. Durable
   * after the next `sync` of the store. Calls must not overlap in the bytes they name.
   * @throws IO_FAILED, STORE_FAILED, STORE_CLOSED: old and new bits are both possible there
   */
  write(bytes: Uint8Array, at: number): Promise<void>;
}

/** What a store does for bitmaps that record while they lie, always valid, on disk. */
export interface LiveBitmaps {
  /** @throws BITMAP_NOT_FOUND: it is not live */
  bits(name: string): LiveBits;
  /** All that was written before the call, to bits and to the disk's directory, is durable after. */
  sync(): Promise<void>;
}

/** What a backend does in addition, if it can keep bitmaps valid on disk while they record. */
export interface LiveBackend {
  /** Whether live bitmaps are flagged as in use on disk, because others must not trust them. */
  readonly inUse: boolean;
  /** Of a bitmap as the directory has it now; asked anew after each `replaceDirectory`. */
  openBits(name: string): Promise<LiveBits>;
  sync(): Promise<void>;
}
