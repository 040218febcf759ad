import { join } from 'node:path';
import { isZero } from '@tidemark/block';
import type { FileSystem } from '../files/file-system.ts';
import { SequentialFile } from '../files/sequential-file.ts';
import type { Granules } from '../format/granules.ts';
import { granuleDigest } from '../format/granule-digest.ts';
import { IndexWriter } from '../format/index-writer.ts';
import type { Manifest, Totals } from '../format/manifest.ts';
import { DATA_NAME, INDEX_NAME } from '../format/names.ts';
import type { Piece } from './read-ahead.ts';

/** Writes `data` and `index` of a restore point into a folder that holds neither yet. */
export class PointWriter {
  readonly #drive: Granules;
  readonly #data: SequentialFile;
  readonly #indexFile: SequentialFile;
  readonly #index: IndexWriter;
  #granules = 0;
  #dataBytes = 0;
  #zeroBytes = 0;

  private constructor(
    drive: Granules,
    data: SequentialFile,
    indexFile: SequentialFile,
    index: IndexWriter,
  ) {
    this.#drive = drive;
    this.#data = data;
    this.#indexFile = indexFile;
    this.#index = index;
  }

  static async create(fs: FileSystem, folder: string, drive: Granules): Promise<PointWriter> {
    const data = await SequentialFile.create(fs, join(folder, DATA_NAME));
    try {
      const indexFile = await SequentialFile.create(fs, join(folder, INDEX_NAME));
      return new PointWriter(drive, data, indexFile, await IndexWriter.create(indexFile, drive));
    } catch (error) {
      await data.abandon();
      throw error;
    }
  }

  get totals(): Totals {
    return { granules: this.#granules, dataBytes: this.#dataBytes, zeroBytes: this.#zeroBytes };
  }

  /** Pieces come in ascending order and begin with a granule. */
  async add({ offset, length, bytes }: Piece): Promise<void> {
    const { granularity } = this.#drive;
    const first = offset / granularity;
    const count = Math.ceil(length / granularity);
    if (bytes === undefined) await this.#addZeros(first, count, length);
    else for (let i = 0; i < count; i++) await this.#addGranule(first + i, bytes, i * granularity);
    this.#granules += count;
  }

  async #addZeros(first: number, count: number, length: number): Promise<void> {
    await this.#index.addZeros(first, count);
    this.#zeroBytes += length;
  }

  async #addGranule(granule: number, bytes: Uint8Array, at: number): Promise<void> {
    const content = bytes.subarray(at, at + this.#drive.granularity);
    if (isZero(content)) {
      await this.#addZeros(granule, 1, content.length);
      return;
    }
    await this.#data.append(content);
    await this.#index.addData(granule, granuleDigest(content));
    this.#dataBytes += content.length;
  }

  /** Both files are durable afterwards; their names are not. */
  async finish(): Promise<Manifest['files']> {
    const data = { name: DATA_NAME, ...(await this.#data.finish()) };
    return { data, index: { name: INDEX_NAME, ...(await this.#index.finish()) } };
  }

  async abandon(): Promise<void> {
    await this.#data.abandon();
    await this.#indexFile.abandon();
  }
}
