import type { DirtyBitmap } from './dirty-bitmap.ts';
import type { LiveBackend, LiveBitmaps } from './live.ts';
import type { ResizeStoreOptions, ResizingBackend } from './resizing.ts';

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

export type BitmapChange =
  | {
      readonly op: 'create';
      readonly name: string;
      readonly enabled: boolean;
      readonly content: DirtyBitmap;
      /** Leaves it in use by this store, in the same durable step, as `acquire` would. */
      readonly acquire?: boolean | 'live';
      /** See `store`. Default: none. */
      readonly checkpoint?: string | null;
    }
  | {
      readonly op: 'store';
      readonly name: string;
      readonly enabled?: boolean;
      readonly content: DirtyBitmap;
      /**
       * It is live with this content, whatever it was before: ask for its bits again. Default: it
       * is in use no longer, and if it was live, its bits are refused from now on.
       */
      readonly live?: boolean;
      /**
       * 32 hexadecimal digits that name the instant since which it records: a backup keeps them
       * too, and knows by them that the bitmap still begins there. Null where a bitmap that was
       * cleared or switched off begins nowhere that is known. Default: as before.
       */
      readonly checkpoint?: string | null;
    }
  /** A live bitmap is in use no longer: what lies on disk is its content, durably. */
  | { readonly op: 'release'; readonly name: string }
  | { readonly op: 'remove'; readonly name: string };

export interface AcquireOptions {
  /**
   * The bitmaps stay valid on disk, and a crash leaves what was written of their bits through
   * `live`, in place of an inconsistent bitmap. Default false.
   */
  readonly live?: boolean;
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
   * @throws BITMAP_EXISTS, BITMAP_NOT_FOUND, BITMAP_INCONSISTENT, BITMAP_INVALID,
   *   BITMAP_TOO_LARGE, BITMAP_UNSUPPORTED, STORE_READ_ONLY: nothing was changed
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

/** What a directory keeps of a bitmap. `inUse` here is the bit on disk; see `LiveBackend`. */
export interface DirectoryEntry {
  readonly name: string;
  readonly granularity: number;
  readonly enabled: boolean;
  readonly inUse: boolean;
  /** Why this version cannot use the entry; the backend keeps such an entry as it is. */
  readonly unsupported?: string;
  /** Told to `replaceDirectory` alone: from then on it is live, for which a crash is no loss. */
  readonly live?: boolean;
  /** Why the bitmap cannot be trusted, whatever is on disk: a clause. It is inconsistent with it. */
  readonly reason?: string;
  /** A stable code of what `reason` says in words. */
  readonly rule?: string;
  /** Durable with the directory; a new bitmap has none. */
  readonly checkpoint?: string;
  /** Told by `readDirectory` alone: see `BitmapInfo`. */
  readonly recovered?: boolean;
}

export interface ReplaceDirectoryOptions {
  /** Bytes. Default: as before. */
  readonly diskSize?: number;
}

/**
 * What a new place to keep bitmaps has to do. `createBitmapStore` does the rest, for all alike:
 * names, limits, states, order of calls and error codes. A backend gets only valid requests, one
 * at a time.
 */
export interface BitmapBackend {
  readonly label: string;
  /** See `BitmapStore`. */
  readonly id?: string | undefined;
  readonly diskSize: number;
  readonly writable: boolean;
  /** A power of its own: see `LiveBackend`. */
  readonly live?: LiveBackend;
  /** Why it has not that power, though others of its kind have: a clause. */
  readonly notLive?: string;
  /** Another one: see `ResizingBackend`. */
  readonly resizing?: ResizingBackend;
  readDirectory(): Promise<readonly DirectoryEntry[]>;
  readContent(entry: DirectoryEntry): Promise<DirtyBitmap>;
  /**
   * Of a bitmap in the directory as it was read or replaced last: why its checkpoint is not kept,
   * whatever its entry says, as a clause. Absent: all are kept.
   */
  checkpointLost?(name: string): string | undefined;
  /**
   * Durably puts `entries` in place of the whole directory, or leaves the old one. Called with the
   * entries that are there, too, when the first bitmap becomes live and when the last one ceases to
   * be: what was read or written of their bits before the call has to be durable then as well. Entries that
   * are not in `contents` keep theirs, with what was written to their bits. An error that is
   * certain to have left the old one is thrown through `asUnchanged`, and the store goes on; after
   * any other one it ends. With `diskSize`, which only a `ResizingBackend` is asked for, that is the
   * disk's size from then on, in the same step, and `contents` has all bitmaps.
   */
  replaceDirectory(
    entries: readonly DirectoryEntry[],
    contents: ReadonlyMap<string, DirtyBitmap>,
    options?: ReplaceDirectoryOptions,
  ): Promise<void>;
  /**
   * `replaceDirectory` in two: first all that may fail for want of space or of a sound disk, made
   * durable; then, in `commit`, what puts it in place, with errors as from `replaceDirectory`. When
   * the first part fails, the old directory is in place. Default: nothing is done before `commit`.
   */
  prepareDirectory?(
    entries: readonly DirectoryEntry[],
    contents: ReadonlyMap<string, DirtyBitmap>,
  ): Promise<PreparedCommit>;
  close(): Promise<void>;
}
