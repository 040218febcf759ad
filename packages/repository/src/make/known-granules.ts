import type { Granules } from '@tidemark/backup/parts';
import { type DirtyBitmap, isTidemarkError } from '@tidemark/core';
import { decodeTry, type TryEntry } from '../format/try-record.ts';
import type { Repository } from '../repository.ts';

export interface KnownGranulesOptions {
  readonly repository: Repository;
  readonly drive: Granules;
  /** Keys of the records, in their order. */
  readonly keys: readonly string[];
  /** What may have been written since. */
  readonly changed: DirtyBitmap;
}

/** What an earlier try has read of a drive, without what may have changed since. */
export class KnownGranules {
  readonly #options: KnownGranulesOptions;
  #entries: readonly TryEntry[] = [];
  #at = 0;
  #nextKey = 0;
  /** Of the last record. */
  #last = -1;

  constructor(options: KnownGranulesOptions) {
    this.#options = options;
  }

  /** Asked in ascending order. Undefined: it has to be read. */
  async find(granule: number): Promise<TryEntry | undefined> {
    for (;;) {
      while (this.#at < this.#entries.length && this.#entries[this.#at]!.granule < granule) {
        this.#at += 1;
      }
      if (this.#at < this.#entries.length) break;
      if (!(await this.#load())) return undefined;
    }
    const entry = this.#entries[this.#at]!;
    return entry.granule === granule && !this.#mayHaveChanged(granule) ? entry : undefined;
  }

  #mayHaveChanged(granule: number): boolean {
    const { changed, drive } = this.#options;
    const offset = granule * drive.granularity;
    const length = Math.min(drive.granularity, drive.size - offset);
    for (const _ of changed.dirtyExtents(offset, length)) return true;
    return false;
  }

  /** @returns false: there is no more */
  async #load(): Promise<boolean> {
    const { keys } = this.#options;
    const key = keys[this.#nextKey];
    if (key === undefined) return false;
    this.#nextKey += 1;
    this.#entries = await this.#read(key);
    this.#at = 0;
    if (this.#entries.length === 0) this.#nextKey = keys.length;
    return true;
  }

  /** Nothing where it cannot be relied on: then all that follows is read. */
  async #read(key: string): Promise<readonly TryEntry[]> {
    const { repository, drive } = this.#options;
    const { store, sealer } = repository;
    try {
      const record = decodeTry(sealer.openObject(key, await store.get(key)), sealer, key);
      if (record.size !== drive.size || record.granularity !== drive.granularity) return [];
      for (const { granule } of record.entries) {
        if (granule <= this.#last) return [];
        this.#last = granule;
      }
      return record.entries;
    } catch (error) {
      if (isTidemarkError(error, 'BACKUP_CORRUPT') || isTidemarkError(error, 'FILE_NOT_FOUND')) {
        return [];
      }
      throw error;
    }
  }
}
