import type { DirectoryEntry } from '../backend.ts';
import type { TidemarkError } from '../errors.ts';
import { DirectoryDraft } from './directory-draft.ts';
import { withLost } from './lost-live.ts';

/** What the directory holds, as far as its store knows, and what of it the store has given out. */
export class KnownDirectory {
  #entries: readonly DirectoryEntry[];
  #acquired: ReadonlySet<string> = new Set();
  #live: ReadonlySet<string> = new Set();
  /** Why what was live is trusted no longer; to be forgotten by whoever acts by it. */
  loss: TidemarkError | undefined;

  constructor(entries: readonly DirectoryEntry[]) {
    this.#entries = entries;
  }

  get entries(): readonly DirectoryEntry[] {
    return this.#entries;
  }

  get acquired(): ReadonlySet<string> {
    return this.#acquired;
  }

  draft(): DirectoryDraft {
    return new DirectoryDraft({
      entries: this.#entries,
      acquired: this.#acquired,
      live: this.#live,
    });
  }

  /** A draft has been put in its place. */
  become(entries: readonly DirectoryEntry[], { acquired, live }: DirectoryDraft): void {
    this.#entries = entries;
    this.#acquired = acquired;
    this.#live = live;
  }

  /** The backend cannot vouch for live bitmaps any more. */
  lose(why: TidemarkError): void {
    this.loss = why;
    const lost = this.#live;
    if (lost.size === 0) return;
    this.#live = new Set();
    this.#entries = withLost(this.#entries, lost, why);
    this.#acquired = new Set([...this.#acquired].filter((name) => !lost.has(name)));
  }
}
