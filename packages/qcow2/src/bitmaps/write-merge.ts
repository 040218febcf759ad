import type { DirtyBitmap } from '@tidemark/core';
import type { ImageMetadata } from '../image-metadata.ts';
import type { BitmapRecord } from './directory-codec.ts';
import { clearFrom, kindOf } from './merge-kernels.ts';
import { MergeMemory } from './merge-memory.ts';
import { contentSource, type MergeSource, type Part, storedSource } from './merge-source.ts';
import type { NewClusters } from './new-clusters.ts';
import { TRANSFER_SIZE } from './read-content.ts';
import { tableSizeFor } from './spec.ts';
import { ALL_ONES, ALL_ZEROS, type BitmapTable, HAS_DATA } from './table-codec.ts';
import { type TablePlace, writeTable } from './write-content.ts';

/** What goes into the bits of a bitmap. All of them have its granularity. */
export interface MergeParts {
  readonly base?: DirtyBitmap | undefined;
  /** Bitmaps that are in place, and at rest. */
  readonly records: readonly BitmapRecord[];
}

interface MergedShape {
  /** Bytes. */
  readonly diskSize: number;
  /** Bytes. */
  readonly granularity: number;
}

/** Bytes of tables that are kept while they are merged; larger ones are read again and again. */
const KEPT_TABLES = 16 * 1024 * 1024;

/** Entries of tables that are looked at at once. */
const WINDOW = 8192;

/**
 * Merges bitmaps a piece at a time, into new clusters that nothing points to yet. What all of them
 * keep in their tables alone costs no I/O. However many they are, memory is bounded. @throws NO_SPACE, IMAGE_CORRUPT
 */
export async function writeMerge(
  image: ImageMetadata,
  { base, records }: MergeParts,
  { diskSize, granularity }: MergedShape,
  clusters: NewClusters,
): Promise<TablePlace> {
  const { clusterSize } = image;
  const size = tableSizeFor(diskSize, granularity, clusterSize);
  const keepTable = records.length * size * 8 <= KEPT_TABLES;
  const memory = new MergeMemory();
  const options = { tableSize: size, memory, keepTable };
  const sources: MergeSource[] = [];
  for (const record of records) sources.push(await storedSource(image, record, options));
  if (base !== undefined) sources.push(contentSource(base, clusterSize, memory));
  const bitCount = Math.ceil(diskSize / granularity);
  return new Merge({ image, clusters, sources, memory, bitCount, size }).write();
}

interface MergeOptions {
  readonly image: ImageMetadata;
  readonly clusters: NewClusters;
  readonly sources: readonly MergeSource[];
  readonly memory: MergeMemory;
  /** Bits that the bitmap has. */
  readonly bitCount: number;
  /** Entries of its table. */
  readonly size: number;
}

class Merge {
  readonly #options: MergeOptions;
  readonly #table: BitmapTable;

  constructor(options: MergeOptions) {
    this.#options = options;
    this.#table = new Float64Array(options.size);
  }

  async write(): Promise<TablePlace> {
    const { image, clusters, memory } = this.#options;
    for (let index = 0; index < this.#table.length; index += WINDOW) {
      await this.#setKinds({ index, count: Math.min(WINDOW, this.#table.length - index) });
    }
    const maxClusters = Math.max(1, TRANSFER_SIZE / image.clusterSize);
    const parts = [...partsOf(this.#table, maxClusters)];
    const longest = Math.min(maxClusters, this.#table.length) * image.clusterSize;
    // One is read while the other is written.
    memory.prepare(longest, parts.length * longest);
    const buffers = memory.parts;
    let reading: Promise<Uint8Array> | undefined;
    for (const [i, part] of parts.entries()) {
      const bits = await (reading ?? this.#read(part, buffers[0]));
      const next = parts[i + 1];
      reading = next && this.#read(next, buffers[(i + 1) % 2 === 0 ? 0 : 1]);
      // Where this part cannot be written, nobody asks what became of the next one.
      reading?.catch(() => {});
      await this.#writePart(part, bits);
    }
    return writeTable(image, this.#table, clusters);
  }

  async #read(part: Part, buffer: Uint8Array): Promise<Uint8Array> {
    const { image, sources, bitCount } = this.#options;
    const bits = buffer.subarray(0, part.count * image.clusterSize);
    for (const [i, source] of sources.entries()) {
      await (i === 0 ? source.fill(bits, part) : source.addTo(bits, part));
    }
    clearFrom(bits, bitCount - part.index * image.clusterSize * 8);
    return bits;
  }

  /** Entries that need no look at bits; `HAS_DATA` in place of all others. */
  async #setKinds(part: Part): Promise<void> {
    const table = this.#table.subarray(part.index, part.index + part.count);
    for (const source of this.#options.sources) {
      for (const [i, kind] of (await source.kindsOf(part)).entries()) {
        if (kind === ALL_ONES) table[i] = ALL_ONES;
        else if (kind !== ALL_ZEROS && table[i] !== ALL_ONES) table[i] = HAS_DATA;
      }
    }
    // An all-ones entry sets whole clusters, also the bits behind the end, which have to be zero.
    for (const [i, kind] of table.entries()) {
      if (kind === ALL_ONES && !this.#isWhole(part.index + i)) table[i] = HAS_DATA;
    }
  }

  #isWhole(index: number): boolean {
    return (index + 1) * this.#options.image.clusterSize * 8 <= this.#options.bitCount;
  }

  async #writePart(part: Part, bits: Uint8Array): Promise<void> {
    const { clusterSize } = this.#options.image;
    for (let i = 0; i < part.count; i++) {
      const kind = kindOf(bits.subarray(i * clusterSize, (i + 1) * clusterSize));
      if (kind === 'zeros') this.#table[part.index + i] = ALL_ZEROS;
      else if (kind === 'ones') this.#table[part.index + i] = ALL_ONES;
    }
    const within = this.#table.subarray(part.index, part.index + part.count);
    for (const { index, count } of partsOf(within, part.count)) {
      const offset = await this.#writeData(bits, { index, count });
      for (let i = 0; i < count; i++) within[index + i] = offset + i * clusterSize;
    }
  }

  async #writeData(bits: Uint8Array, { index, count }: Part): Promise<number> {
    const { image, clusters } = this.#options;
    const offset = await clusters.allocate(count);
    const { clusterSize } = image;
    const data = bits.subarray(index * clusterSize, (index + count) * clusterSize);
    await image.writeHost(data, offset);
    return offset;
  }
}

/** Clusters in a row that have yet to be allocated, at most `maxClusters` at a time. */
function* partsOf(table: BitmapTable, maxClusters: number): Generator<Part> {
  for (let index = 0; index < table.length; index++) {
    if (table[index] !== HAS_DATA) continue;
    let end = index + 1;
    while (end < table.length && end - index < maxClusters && table[end] === HAS_DATA) end++;
    yield { index, count: end - index };
    index = end - 1;
  }
}
