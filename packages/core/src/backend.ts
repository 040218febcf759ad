import type { DirtyBitmap } from './dirty-bitmap.ts';
import type { LiveBackend } from './live.ts';
import type { ResizingBackend } from './resizing.ts';
import type { PreparedCommit } from './store.ts';

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

/** New bits of a bitmap, to be put together where their parts lie. */
export interface StoredMerge {
  /** Dirty is what is dirty in this. Of the bitmap's granularity. Absent: nothing. */
  readonly base?: DirtyBitmap;
  /**
   * And in these, with the bits that they have in the directory that is in place: at rest and of the
   * bitmap's granularity. The bitmap itself may be among them.
   */
  readonly sources: readonly DirectoryEntry[];
}

/** What a `BitmapBackend` changes besides the directory, in the same durable step. */
export interface ReplaceDirectoryOptions {
  /** Bits by name that are in no `contents`. Only a backend that `canMerge` is asked for any. */
  readonly merges?: ReadonlyMap<string, StoredMerge>;
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
  /** Whether it takes `merges`. Default false: then bits are read, and come as contents. */
  readonly canMerge?: boolean;
  readDirectory(): Promise<readonly DirectoryEntry[]>;
  /**
   * `later`: bits may be read when they are needed (`DirtyBitmap.putOff`). It sees to it then that
   * they are read before what lies there is changed or given away, `LiveBits.write` included.
   */
  readContent(entry: DirectoryEntry, options?: { readonly later?: boolean }): Promise<DirtyBitmap>;
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
    options?: Pick<ReplaceDirectoryOptions, 'merges'>,
  ): Promise<PreparedCommit>;
  close(): Promise<void>;
}
