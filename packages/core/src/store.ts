import type { DirtyBitmap } from './dirty-bitmap.ts';
import type { LiveBackend, LiveBitmaps } from './live.ts';

/**
 * - `stored`: what the store holds is the truth, and nobody is changing it.
 * - `in-use`: this store gave it out with `acquire`; what the store holds is out of date.
 * - `inconsistent`: somebody acquired it and never committed it. It can only be removed.
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
}

export type BitmapChange =
  | {
      readonly op: 'create';
      readonly name: string;
      readonly enabled: boolean;
      readonly content: DirtyBitmap;
      /** Leaves it in use by this store, in the same durable step, as `acquire` would. */
      readonly acquire?: boolean | 'live';
    }
  | {
      readonly op: 'store';
      readonly name: string;
      readonly enabled?: boolean;
      readonly content: DirtyBitmap;
      /** It goes on being live, with this content. Default: it is in use no longer. */
      readonly live?: boolean;
    }
  /** A live bitmap is in use no longer: what lies on disk is its content. */
  | { readonly op: 'release'; readonly name: string }
  | { readonly op: 'remove'; readonly name: string };

export interface AcquireOptions {
  /**
   * The bitmaps stay valid on disk, and a crash leaves what was last written of their bits through
   * `live`, in place of an inconsistent bitmap. Default false.
   */
  readonly live?: boolean;
}

/** The bitmaps of one disk, wherever they are kept. */
export interface BitmapStore extends AsyncDisposable {
  /** Names the store in messages, for example `qcow2 image '/vm/a.qcow2'`. */
  readonly label: string;
  /** Bytes of the disk that the bitmaps describe. */
  readonly diskSize: number;
  readonly writable: boolean;
  /** Absent where a crash leaves each bitmap in use inconsistent. */
  readonly live?: LiveBitmaps | undefined;

  /** In the order in which the store keeps them. */
  list(): Promise<readonly BitmapInfo[]>;

  /**
   * A copy of a bitmap's content, for reading. Leaves no trace in the store.
   * @throws BITMAP_NOT_FOUND, BITMAP_BUSY (acquired), BITMAP_INCONSISTENT, BITMAP_UNSUPPORTED
   */
  load(name: string): Promise<DirtyBitmap>;

  /**
   * Takes bitmaps out to be changed. Once this resolves, they are marked in use durably: the disk
   * may be written only after that. Without a `commit` of each, they are inconsistent from then on.
   * @throws as `load`; STORE_READ_ONLY; BITMAP_UNSUPPORTED: none can be live here
   */
  acquire(
    names: readonly string[],
    options?: AcquireOptions,
  ): Promise<ReadonlyMap<string, DirtyBitmap>>;

  /**
   * Makes all of the changes, durably, or none; they take effect in order. `store` ends an
   * `acquire`; `remove` works on any state.
   * @throws BITMAP_EXISTS, BITMAP_NOT_FOUND, BITMAP_INCONSISTENT, BITMAP_INVALID,
   *   BITMAP_TOO_LARGE, STORE_READ_ONLY: nothing was changed
   * @throws STORE_FAILED and I/O codes: old and new are both possible; open the store again
   */
  commit(changes: readonly BitmapChange[]): Promise<void>;

  /** Idempotent. What is still acquired stays marked in use: a store never guesses at content. */
  close(): Promise<void>;
}

/** What a directory keeps of a bitmap. `inUse` here is the bit on disk. */
export interface DirectoryEntry {
  readonly name: string;
  readonly granularity: number;
  readonly enabled: boolean;
  readonly inUse: boolean;
  /** Why this version cannot use the entry; the backend keeps such an entry as it is. */
  readonly unsupported?: string;
}

/**
 * What a new place to keep bitmaps has to do. `createBitmapStore` does the rest, for all alike:
 * names, limits, states, order of calls and error codes. A backend gets only valid requests, one
 * at a time.
 */
export interface BitmapBackend {
  readonly label: string;
  readonly diskSize: number;
  readonly writable: boolean;
  /** A power of its own: see `LiveBackend`. */
  readonly live?: LiveBackend;
  readDirectory(): Promise<readonly DirectoryEntry[]>;
  readContent(entry: DirectoryEntry): Promise<DirtyBitmap>;
  /**
   * Durably puts `entries` in place of the whole directory, or leaves the old one. Entries that
   * are not in `contents` keep theirs.
   */
  replaceDirectory(
    entries: readonly DirectoryEntry[],
    contents: ReadonlyMap<string, DirtyBitmap>,
  ): Promise<void>;
  close(): Promise<void>;
}
