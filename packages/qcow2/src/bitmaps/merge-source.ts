import type { DirtyBitmap } from '@tidemark/core';
import type { ImageMetadata } from '../image-metadata.ts';
import type { BitmapRecord } from './directory-codec.ts';
import type { MergeMemory } from './merge-memory.ts';
import { readData, readTable, readTablePart } from './read-content.ts';
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
  /** What each cluster of a part holds: an entry of a table; above `ALL_ONES`, or `HAS_DATA`, data. */
  kindsOf(part: Part): Promise<BitmapTable>;
  /** Puts a part's bits in place of what is in `target`. */
  fill(target: Uint8Array, part: Part): Promise<void>;
  /** Puts them into `target` by OR. */
  addTo(target: Uint8Array, part: Part): Promise<void>;
}

export interface StoredSourceOptions {
  /** Entries that the table has to have. */
  readonly tableSize: number;
  readonly memory: MergeMemory;
  /** Keeps the table in memory; else its parts are read as they are needed. */
  readonly keepTable: boolean;
}

/** Of a bitmap in the image. @throws IMAGE_CORRUPT */
export async function storedSource(
  image: ImageMetadata,
  record: BitmapRecord,
  { tableSize, memory, keepTable }: StoredSourceOptions,
): Promise<MergeSource> {
  if (record.tableSize !== tableSize) throw new RangeError(`'${record.name}' has another table`);
  const table = keepTable ? await readTable(image, record) : undefined;
  return new StoredSource(image, record, memory, table);
}

class StoredSource implements MergeSource {
  readonly #image: ImageMetadata;
  readonly #record: BitmapRecord;
  readonly #memory: MergeMemory;
  readonly #table: BitmapTable | undefined;

  constructor(
    image: ImageMetadata,
    record: BitmapRecord,
    memory: MergeMemory,
    table: BitmapTable | undefined,
  ) {
    this.#image = image;
    this.#record = record;
    this.#memory = memory;
    this.#table = table;
  }

  async kindsOf(part: Part): Promise<BitmapTable> {
    const { index, count } = part;
    if (this.#table !== undefined) return this.#table.subarray(index, index + count);
    return readTablePart(this.#image, this.#record, part);
  }

  async fill(target: Uint8Array, part: Part): Promise<void> {
    for (const { into, index, start } of await this.#runsIn(target, part)) {
      if (start <= ALL_ONES) into.fill(start === ALL_ONES ? 0xff : 0);
      else await readData(this.#image, this.#record, into, { index, start });
    }
  }

  async addTo(target: Uint8Array, part: Part): Promise<void> {
    for (const { into, index, start } of await this.#runsIn(target, part)) {
      if (start === ALL_ZEROS) continue;
      if (start === ALL_ONES) into.fill(0xff);
      else this.#memory.or(into, await this.#read(into.length, { index, start }));
    }
  }

  async #runsIn(target: Uint8Array, part: Part): Promise<readonly RunInPart[]> {
    const { clusterSize } = this.#image;
    const runs = tableRuns(await this.kindsOf(part), clusterSize, part.count);
    return Array.from(runs, ({ index, count, start }) => {
      const into = target.subarray(index * clusterSize, (index + count) * clusterSize);
      return { into, index: part.index + index, start };
    });
  }

  async #read(length: number, run: Pick<TableRun, 'index' | 'start'>): Promise<Uint8Array> {
    const bytes = this.#memory.scratch(length);
    await readData(this.#image, this.#record, bytes, run);
    return bytes;
  }
}

interface RunInPart extends Pick<TableRun, 'index' | 'start'> {
  /** Where its bits go. */
  readonly into: Uint8Array;
}

/** Of a bitmap in memory. */
export function contentSource(
  content: DirtyBitmap,
  clusterSize: number,
  memory: MergeMemory,
): MergeSource {
  const { serializedLength } = content;
  return {
    async kindsOf({ index: first, count }) {
      return Float64Array.from({ length: count }, (_, i) => {
        const at = (first + i) * clusterSize;
        const kind = content.contentOf(at, Math.min(clusterSize, serializedLength - at));
        return kind === 'zeros' ? ALL_ZEROS : kind === 'ones' ? ALL_ONES : HAS_DATA;
      });
    },
    async fill(target, { index }) {
      content.serialize(target, index * clusterSize);
    },
    async addTo(target, { index }) {
      const bytes = memory.scratch(target.length);
      content.serialize(bytes, index * clusterSize);
      memory.or(target, bytes);
    },
  };
}
