import type { DirtyBitmap } from '../dirty-bitmap.ts';
import type { DirectoryEntry, StoredMerge } from '../backend.ts';

export type BitmapUse = 'stored' | 'acquired' | 'live';

export interface DirectoryState {
  readonly entries: readonly DirectoryEntry[];
  /** Names of what the store has given out, live or not. */
  readonly acquired: ReadonlySet<string>;
  readonly live: ReadonlySet<string>;
}

/** The directory as a call is going to leave it. */
export class DirectoryDraft {
  readonly entries: Map<string, DirectoryEntry>;
  /** New ones; the other bitmaps keep what they have. */
  readonly contents = new Map<string, DirtyBitmap>();
  /** New ones, too, of bitmaps that are in no `contents`. */
  readonly merges = new Map<string, StoredMerge>();
  readonly acquired: Set<string>;
  readonly live: Set<string>;
  /** Bytes: the size that the disk gets. Absent: it keeps the one that it has. */
  diskSize?: number;
  readonly #before: DirectoryState;

  constructor(before: DirectoryState) {
    this.entries = new Map(before.entries.map((entry) => [entry.name, entry]));
    this.acquired = new Set(before.acquired);
    this.live = new Set(before.live);
    this.#before = before;
  }

  put(entry: DirectoryEntry, content: DirtyBitmap, use: BitmapUse): void {
    this.contents.set(entry.name, content);
    this.merges.delete(entry.name);
    this.use(entry, use);
  }

  merge(entry: DirectoryEntry, merge: StoredMerge): void {
    this.merges.set(entry.name, merge);
    this.contents.delete(entry.name);
    this.use(entry, 'stored');
  }

  /** What the bits of a bitmap are made of, as the changes so far have left it. */
  partsOf(name: string): StoredMerge {
    const base = this.contents.get(name);
    if (base !== undefined) return { base, sources: [] };
    const merge = this.merges.get(name);
    if (merge !== undefined) return merge;
    return { sources: this.#before.entries.filter((entry) => entry.name === name) };
  }

  /** Whether its bits are those that were live before, of which nothing has been read since. */
  keepsLiveBits(name: string): boolean {
    return this.#before.live.has(name) && !this.contents.has(name) && !this.merges.has(name);
  }

  /** With the flags of `entry`, and what content there is. */
  use(entry: DirectoryEntry, use: BitmapUse): void {
    const { name } = entry;
    this.entries.set(name, entry);
    this.#letGo(name);
    if (use !== 'stored') this.acquired.add(name);
    if (use === 'live') this.live.add(name);
  }

  remove(name: string): void {
    this.entries.delete(name);
    this.contents.delete(name);
    this.merges.delete(name);
    this.#letGo(name);
  }

  /** Whether anything on disk is going to differ. */
  get isChange(): boolean {
    const { entries, live } = this.#before;
    // What is kept may say whether bitmaps are live, though their flags are as they were.
    if (this.diskSize !== undefined || live.size > 0 !== this.live.size > 0) return true;
    if (this.contents.size > 0 || this.merges.size > 0) return true;
    if (entries.length !== this.entries.size) return true;
    // What is not removed keeps its place.
    return entries.some((entry) => isOther(entry, this.entries.get(entry.name)));
  }

  /** Whether it is still a change of what is there. */
  isOf(entries: readonly DirectoryEntry[]): boolean {
    return entries === this.#before.entries;
  }

  /** Live bitmaps whose bits lie where they lay before. */
  get keptLive(): readonly string[] {
    return [...this.live].filter((name) => this.#before.live.has(name) && !this.contents.has(name));
  }

  #letGo(name: string): void {
    this.acquired.delete(name);
    this.live.delete(name);
  }
}

/** In what a directory keeps. */
function isOther(a: DirectoryEntry, b: DirectoryEntry | undefined): boolean {
  return a.inUse !== b?.inUse || a.enabled !== b.enabled || a.checkpoint !== b.checkpoint;
}
