import type { FileDigest, SequentialFile } from '../files/sequential-file.ts';
import type { Granules } from './granules.ts';
import {
  DIGEST_SIZE,
  INDEX_MAGIC,
  INDEX_VERSION,
  IndexHeader,
  IndexRun,
  MAX_DATA_RUN,
  RUN_DATA,
  RUN_ZERO,
} from './index-file.ts';

/** Writes an index as granules come, in ascending order; neighbours of one kind become a run. */
export class IndexWriter {
  readonly #file: SequentialFile;
  readonly #digests = Buffer.alloc(MAX_DATA_RUN * DIGEST_SIZE);
  #kind = RUN_ZERO;
  #first = 0;
  #count = 0;

  private constructor(file: SequentialFile) {
    this.#file = file;
  }

  static async create(file: SequentialFile, drive: Granules): Promise<IndexWriter> {
    const header = IndexHeader.encode({
      magic: INDEX_MAGIC,
      version: INDEX_VERSION,
      granularity: drive.granularity,
      reserved: null,
      driveSize: BigInt(drive.size),
      reservedEnd: null,
    });
    await file.append(header);
    return new IndexWriter(file);
  }

  async addData(granule: number, digest: Uint8Array): Promise<void> {
    await this.#continue(RUN_DATA, granule, MAX_DATA_RUN);
    this.#digests.set(digest, this.#count * DIGEST_SIZE);
    this.#count++;
  }

  async addZeros(first: number, count: number): Promise<void> {
    await this.#continue(RUN_ZERO, first, Number.MAX_SAFE_INTEGER);
    this.#count += count;
  }

  async #continue(kind: number, granule: number, limit: number): Promise<void> {
    const follows = granule === this.#first + this.#count;
    if (kind === this.#kind && follows && this.#count < limit) return;
    await this.#endRun();
    this.#kind = kind;
    this.#first = granule;
  }

  async #endRun(): Promise<void> {
    const count = this.#count;
    if (count === 0) return;
    this.#count = 0;
    await this.#file.append(
      IndexRun.encode({
        first: BigInt(this.#first),
        count: BigInt(count),
        kind: this.#kind,
        reserved: null,
      }),
    );
    if (this.#kind === RUN_DATA) {
      await this.#file.append(this.#digests.subarray(0, count * DIGEST_SIZE));
    }
  }

  /** Durable afterwards. */
  async finish(): Promise<Omit<FileDigest, 'name'>> {
    await this.#endRun();
    return await this.#file.finish();
  }
}
