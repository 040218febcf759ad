import type { BitmapChange } from './bitmap-change.ts';
import type { BitmapInfo } from './bitmap-info.ts';
import type { DirtyBitmap } from './dirty-bitmap.ts';
import type { LiveBitmaps } from './live.ts';
import type { ResizeStoreOptions } from './resizing.ts';

/** How `BitmapStore.acquire` takes bitmaps out. */
export interface AcquireOptions {
  /**
   * The bitmaps stay valid on disk, and a crash leaves what was written of their bits through
   * `live`, in place of an inconsistent bitmap. Default false.
   */
  readonly live?: boolean;
  /**
   * Of live ones, bits may be read only when somebody needs them, for which all of the process waits,
   * and until the store is closed. What cannot be read then is dirty, and told as the store tells of
   * other faults. Default false.
   */
  readonly later?: boolean;
}

/**
 * The bitmaps of one disk, wherever they are kept. By having `live` a store declares what a crash
 * leaves of a bitmap in use: with it a superset of the truth, where it was acquired so; without it
 * an inconsistent bitmap.
 */
export interface BitmapStore extends AsyncDisposable {
  /** Names the store in messages, for example `qcow2 image '/vm/a.qcow2'`. */
  readonly label: string;
  /**
   * 32 hexadecimal digits that tell this store from all others, wherever it is moved to; of a new
   * one durable with the first commit. Absent where it keeps none, or has not begun to.
   */
  readonly id?: string | undefined;
  /** Bytes of the disk that the bitmaps describe. */
  readonly diskSize: number;
  readonly writable: boolean;
  /**
   * Absent where a crash leaves each bitmap in use inconsistent, and in a store that is open for
   * reading, which leaves nothing.
   */
  readonly live?: LiveBitmaps | undefined;
  /** Why `live` is absent, where there is more to say than that: a clause. */
  readonly notLive?: string | undefined;
  /** Whether `resize` can do anything but refuse. */
  readonly resizable: boolean;

  /** In the order in which the store keeps them. */
  list(): Promise<readonly BitmapInfo[]>;

  /**
   * A copy of a bitmap's content, for reading. Leaves no trace in the store. Of a live bitmap too
   * there is none to be had: what lies on disk may be far more than the truth.
   * @throws BITMAP_NOT_FOUND, BITMAP_BUSY (acquired), BITMAP_INCONSISTENT, BITMAP_UNSUPPORTED
   */
  load(name: string): Promise<DirtyBitmap>;

  /**
   * Takes bitmaps out to be changed, all or none. Once this resolves, they are marked in use
   * durably: the disk may be written only after that. Without a `commit` of each, they are
   * inconsistent from then on. Live ones are what their bits are written to be.
   * @throws as `load`; STORE_READ_ONLY; BITMAP_UNSUPPORTED: none can be live here
   * @throws I/O codes: as before the call where `isUnchanged` says so, else as for `commit`
   */
  acquire(
    names: readonly string[],
    options?: AcquireOptions,
  ): Promise<ReadonlyMap<string, DirtyBitmap>>;

  /**
   * Makes all of the changes, durably, or none; they take effect in order. `store` ends an
   * `acquire`, live or not, and so does `release` for live ones; `remove` works on any state.
   * Live bitmaps that are not named stay live, and their bits are taken meanwhile.
   * @throws BITMAP_EXISTS, BITMAP_NOT_FOUND, BITMAP_BUSY (to clear, switch or merge what is in use),
   *   BITMAP_INCONSISTENT, BITMAP_INVALID, BITMAP_TOO_LARGE, BITMAP_UNSUPPORTED, STORE_READ_ONLY:
   *   nothing was changed
   * @throws I/O codes: nothing was changed where `isUnchanged` says so, NO_SPACE mostly, and the
   *   store goes on; else old and new are both possible, and it ends: open it again
   * @throws STORE_FAILED: it ended before
   */
  commit(changes: readonly BitmapChange[]): Promise<void>;

  /**
   * The first half of `commit`: checks the changes and, in a store that can, makes durable all that
   * they need, so that little can go wrong with the second half. For changes of several stores that
   * are to be made in all of them or in none. Nothing is changed yet. From here on all other calls
   * wait until it is committed or aborted; bits of live bitmaps are taken as by `commit`.
   * @throws as `commit`: nothing was changed, and the store goes on
   */
  prepare(changes: readonly BitmapChange[]): Promise<PreparedCommit>;

  /**
   * Makes all bitmaps those of a disk of `diskSize` bytes, durably, in one step, or none. What is
   * added is dirty in each, the granule that straddles the old end included; what is cut off is
   * gone, and every checkpoint with it, for a disk that shrinks and grows again is another one. What
   * is acquired stays so; it has to be stored with content of the new size. A change to the size
   * that it has does nothing.
   *
   * Of a disk that grows, the store comes first, and of one that shrinks too: a crash before the
   * disk itself has the new size leaves a store that knows of both. Nobody may write meanwhile.
   * @throws BITMAP_INCONSISTENT, BITMAP_UNSUPPORTED: a bitmap that cannot be resized, or no store
   *   that can; BITMAP_INVALID (the size, or no content of a live bitmap), BITMAP_TOO_LARGE,
   *   STORE_READ_ONLY: nothing was changed
   * @throws I/O codes, STORE_FAILED: as for `commit`
   */
  resize(diskSize: number, options?: ResizeStoreOptions): Promise<void>;

  /**
   * To be called once the disk has the size, durably, that the store was resized to: from then on
   * the store knows of that size alone. @throws STORE_READ_ONLY, I/O codes, STORE_FAILED
   */
  confirmSize(): Promise<void>;

  /**
   * Idempotent; finishes the calls that came before it, and aborts what is prepared and not
   * committed. What is still acquired stays marked in use:
   * a store never guesses at content. What is live stays as it lies, as after a crash.
   */
  close(): Promise<void>;
}

/** Changes that are checked and ready, and not in place. */
export interface PreparedCommit {
  /** The second half of `BitmapStore.commit`. @throws as that; STORE_CLOSED: `close` aborted it */
  commit(): Promise<void>;
  /** Gives the changes up. Does nothing where they are in place, or given up already. */
  abort(): Promise<void>;
}
