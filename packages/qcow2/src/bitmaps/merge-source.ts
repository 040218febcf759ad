import type { DirtyBitmap } from '@tidemark/core';
import type { ImageMetadata } from '../image-metadata.ts';
import type { BitmapRecord } from './directory-codec.ts';
import { orBytes } from './merge-kernels.ts';
import { readData, readTable } from './read-content.ts';
import {
  ALL_ONES,
  ALL_ZEROS,
  type BitmapTable,
  HAS_DATA,
  type TableRun,
  tableRuns,
} from './table-codec.ts';

/** Neighbouring clusters of bitmap data. */
export interface Part {
  readonly index: number;
  readonly count: number;
}

/** Bits that go into a merge. */
export interface MergeSource {
  /** What a cluster holds: an entry of a table, or `HAS_DATA`. */
  kindAt(index: number): number;
  /** Puts a part's bits in place of what is in `target`. */
  fill(target: Uint8Array, part: Part): Promise<void>;
  /** Puts them into `target` by OR. */
  addTo(target: Uint8Array, part: Part): Promise<void>;
}

/** Of a bitmap in the image. @throws IMAGE_CORRUPT */
export async function storedSource(
  image: ImageMetadata,
  record: BitmapRecord,
  tableSize: number,
): Promise<MergeSource> {
  const table = await readTable(image, record);
  if (table.length !== tableSize) throw new RangeError(`'${record.name}' has another table`);
  return new StoredSource(image, record, table);
}

class StoredSource implements MergeSource {
  readonly #image: ImageMetadata;
  readonly #record: BitmapRecord;
  readonly #table: BitmapTable;
  #buffer = new Uint8Array(0);

  constructor(image: ImageMetadata, record: BitmapRecord, table: BitmapTable) {
    this.#image = image;
    this.#record = record;
    this.#table = table;
  }

  kindAt(index: number): number {
    const entry = this.#table[index]!;
    return entry > ALL_ONES ? HAS_DATA : entry;
  }

  async fill(target: Uint8Array, part: Part): Promise<void> {
    for (const { into, index, start } of this.#runsIn(target, part)) {
      if (start <= ALL_ONES) into.fill(start === ALL_ONES ? 0xff : 0);
      else await readData(this.#image, this.#record, into, { index, start });
    }
  }

  async addTo(target: Uint8Array, part: Part): Promise<void> {
    for (const { into, index, start } of this.#runsIn(target, part)) {
      if (start === ALL_ZEROS) continue;
      if (start === ALL_ONES) into.fill(0xff);
      else orBytes(into, await this.#read(into.length, { index, start }));
    }
  }

  *#runsIn(target: Uint8Array, { index: first, count }: Part): Generator<RunInPart> {
    const { clusterSize } = this.#image;
    const table = this.#table.subarray(first, first + count);
    for (const { index, count: length, start } of tableRuns(table, clusterSize, count)) {
      const into = target.subarray(index * clusterSize, (index + length) * clusterSize);
      yield { into, index: first + index, start };
    }
  }

  async #read(length: number, run: Pick<TableRun, 'index' | 'start'>) {
    if (this.#buffer.length < length) this.#buffer = new Uint8Array(length);
    const bytes = this.#buffer.subarray(0, length);
    await readData(this.#image, this.#record, bytes, run);
    return bytes;
  }
}

interface RunInPart extends Pick<TableRun, 'index' | 'start'> {
  /** Where its bits go. */
  readonly into: Uint8Array;
}

/** Of a bitmap in memory. */
export function contentSource(content: DirtyBitmap, clusterSize: number): MergeSource {
  const { serializedLength } = content;
  return {
    kindAt(index) {
      const at = index * clusterSize;
      const kind = content.contentOf(at, Math.min(clusterSize, serializedLength - at));
      return kind === 'zeros' ? ALL_ZEROS : kind === 'ones' ? ALL_ONES : HAS_DATA;
    },
    async fill(target, { index }) {
      content.serialize(target, index * clusterSize);
    },
    async addTo(target, { index }) {
      const bytes = new Uint8Array(target.length);
      content.serialize(bytes, index * clusterSize);
      orBytes(target, bytes);
    },
  };
}
