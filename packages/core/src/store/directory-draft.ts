import type { DirtyBitmap } from '../dirty-bitmap.ts';
import type { DirectoryEntry } from '../store.ts';

/** The directory as a commit is going to leave it. */
export class DirectoryDraft {
  readonly entries: Map<string, DirectoryEntry>;
  readonly contents = new Map<string, DirtyBitmap>();
  readonly acquired = new Set<string>();
  readonly live = new Set<string>();
  /** Made by this commit, so that what was there under the name before says nothing. */
  readonly fresh = new Set<string>();

  constructor(entries: readonly DirectoryEntry[]) {
    this.entries = new Map(entries.map((entry) => [entry.name, entry]));
  }

  put(entry: DirectoryEntry, content: DirtyBitmap, use: 'stored' | 'acquired' | 'live'): void {
    const { name } = entry;
    if (!this.entries.has(name)) this.fresh.add(name);
    this.entries.set(name, entry);
    this.contents.set(name, content);
    this.#letGo(name);
    if (use !== 'stored') this.acquired.add(name);
    if (use === 'live') this.live.add(name);
  }

  release(name: string): void {
    this.entries.set(name, { ...this.entries.get(name)!, inUse: false });
    this.#letGo(name);
  }

  remove(name: string): void {
    this.entries.delete(name);
    this.contents.delete(name);
    this.#letGo(name);
  }

  #letGo(name: string): void {
    this.acquired.delete(name);
    this.live.delete(name);
  }
}
