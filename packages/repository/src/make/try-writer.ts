import type { Granules } from '@tidemark/backup/parts';
import { MAX_TRY_ENTRIES } from '../format/limits.ts';
import { encodeTry, type TryEntry } from '../format/try-record.ts';
import type { Repository } from '../repository.ts';

/** Digits of a record's number, so that keys are in the order of records. */
const DIGITS = 8;

export interface TryWriterOptions {
  readonly repository: Repository;
  readonly drive: Granules;
  /** What the keys of the records begin with. */
  readonly prefix: string;
  /** Bytes that are told of before a record is made. */
  readonly step: number;
  /** Ahead of the first record: what was read is durable, and whatever is written from now on is known. */
  readonly begin: () => Promise<void>;
}

/**
 * Keeps a record of what was read, while the drive stands still, for the case that the backup is cut
 * off. Nothing relies on the packs being there: who goes on with it looks for each block.
 */
export class TryWriter {
  readonly #options: TryWriterOptions;
  #entries: TryEntry[] = [];
  #bytes = 0;
  #records = 0;

  constructor(options: TryWriterOptions) {
    this.#options = options;
  }

  /** Ascending. The digest is kept. */
  note(entry: TryEntry, length: number): void {
    this.#entries.push(entry);
    this.#bytes += length;
  }

  async flushIfDue(): Promise<void> {
    const { step, begin, drive, repository, prefix } = this.#options;
    const isDue = this.#bytes >= step || this.#entries.length >= MAX_TRY_ENTRIES / 2;
    if (!isDue) return;
    // Before anybody can take the record for true.
    if (this.#records === 0) await begin();
    const { store, sealer } = repository;
    for (let at = 0; at < this.#entries.length; at += MAX_TRY_ENTRIES) {
      const entries = this.#entries.slice(at, at + MAX_TRY_ENTRIES);
      const key = prefix + String(this.#records).padStart(DIGITS, '0');
      this.#records += 1;
      await store.putIfAbsent(
        key,
        sealer.sealObject(key, encodeTry({ ...drive, entries }, sealer)),
      );
    }
    this.#entries = [];
    this.#bytes = 0;
  }
}
