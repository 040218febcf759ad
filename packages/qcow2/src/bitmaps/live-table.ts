import { isTidemarkError, type LiveBits, type LiveSpan, type NewestBits } from '@tidemark/core';
import { SECTOR_SIZE } from '../geometry.ts';
import type { ImageMetadata } from '../image-metadata.ts';
import { InFlight } from '../util/in-flight.ts';
import { Mutex } from '../util/mutex.ts';
import type { BitmapRecord } from './directory-codec.ts';
import { NewClusters } from './new-clusters.ts';
import { readTable } from './read-content.ts';
import type { UnreadBitmaps } from './unread-bitmaps.ts';
import { ALL_ONES, ALL_ZEROS, type BitmapTable, encodeTable, entryFault } from './table-codec.ts';

const ENTRY_SIZE = 8;
const ENTRIES_PER_SECTOR = SECTOR_SIZE / ENTRY_SIZE;

export interface LiveTableOptions {
  readonly image: ImageMetadata;
  readonly record: BitmapRecord;
  /** Bits that the bitmap has; those behind them in its last cluster are zeros. */
  readonly bitCount: number;
  /** Hears which bits are going to be changed where they lie. */
  readonly unread: Pick<UnreadBitmaps, 'keep'>;
}

interface PartPlace {
  readonly index: number;
  /** In the part. Bytes. */
  readonly start: number;
  readonly newest: NewestBits | undefined;
}

/**
 * Bits of a bitmap, written in place while the directory points to them. A part that has no cluster
 * yet gets one: its counts and content are durable before the table links to it, so that each
 * prefix of the writes leaves a sound image, whose bits are the old ones or the new ones.
 */
export class LiveTable implements LiveBits {
  readonly #image: ImageMetadata;
  readonly #record: BitmapRecord;
  readonly #bitCount: number;
  readonly #unread: LiveTableOptions['unread'];
  readonly #table: BitmapTable;
  readonly #inFlight = new InFlight();
  /** Of the table's own sectors there is one writer, or an older state of one could stay. */
  readonly #linking = new Mutex();
  /** Parts that have all of their bits set only because there was no room for a cluster. */
  readonly #coarse = new Set<number>();
  /** Clusters for parts whose entry could not be written, or was and nobody knows. */
  readonly #unlinked = new Map<number, number>();
  #isRetired = false;

  private constructor(options: LiveTableOptions, table: BitmapTable) {
    const { image, record, bitCount, unread } = options;
    this.#image = image;
    this.#record = record;
    this.#bitCount = bitCount;
    this.#unread = unread;
    this.#table = table;
  }

  /** @throws IMAGE_CORRUPT */
  static async open(options: LiveTableOptions): Promise<LiveTable> {
    const { image, record } = options;
    const table = await readTable(image, record);
    // A write there would make the file as long as a wrong entry says.
    const index = table.findIndex((entry) => entry >= image.fileSize);
    if (index >= 0) {
      const source = { where: image.label, bitmap: record.name, offset: record.tableOffset };
      throw entryFault(source, index, `is ${table[index]}, and the file ends at ${image.fileSize}`);
    }
    return new LiveTable(options, table);
  }

  async write(bytes: Uint8Array, at: number, newest?: NewestBits): Promise<LiveSpan | undefined> {
    if (this.#isRetired) {
      throw new RangeError(`bitmap '${this.#record.name}' has other clusters by now`);
    }
    this.#unread.keep(this.#record.name, at, bytes.length);
    return this.#inFlight.run(() => this.#write(bytes, at, newest));
  }

  /** Takes no more writes, and waits for those under way: its clusters are going to be freed. */
  async retire(): Promise<void> {
    this.#isRetired = true;
    await this.#inFlight.drain();
  }

  /** Takes writes again: its clusters are not going to be freed after all. */
  resume(): this {
    this.#isRetired = false;
    return this;
  }

  async #write(
    bytes: Uint8Array,
    at: number,
    newest: NewestBits | undefined,
  ): Promise<LiveSpan | undefined> {
    const { clusterSize } = this.#image;
    let coarse: LiveSpan | undefined;
    for (let done = 0; done < bytes.length;) {
      const index = Math.floor((at + done) / clusterSize);
      const start = (at + done) % clusterSize;
      const part = bytes.subarray(done, done + clusterSize - start);
      await this.#writePart(part, { index, start, newest });
      if (this.#coarse.has(index)) coarse = { at: index * clusterSize, length: clusterSize };
      done += part.length;
    }
    return coarse;
  }

  async #writePart(part: Uint8Array, { index, start, newest }: PartPlace): Promise<void> {
    const place = this.#table[index]!;
    if (place > ALL_ONES) return this.#image.writeHost(part, place + start);
    await this.#linking.run(async () => {
      const now = this.#table[index]!;
      if (now > ALL_ONES) return this.#image.writeHost(part, now + start);
      const content = this.#contentOf(index);
      if (newest !== undefined && this.#coarse.has(index)) {
        // Nothing but want of room has set them: not one of its sectors has to stay as it is.
        newest(content.fill(0), index * content.length);
      } else if (Buffer.compare(content.subarray(start, start + part.length), part) === 0) return;
      content.set(part, start);
      await this.#link(index, content);
    });
  }

  /** Gives a part that has no cluster one, or where there is none left, sets all of its bits. */
  async #link(index: number, content: Uint8Array): Promise<void> {
    const clusters = new NewClusters(this.#image);
    let place: number;
    try {
      place = this.#unlinked.get(index) ?? (await clusters.allocate(1));
      await this.#image.writeHost(content, place);
      await this.#image.settle();
    } catch (error) {
      // A mark is tried again and again: what it has taken must not add up.
      await clusters.abandon();
      if (!isTidemarkError(error, 'NO_SPACE')) throw error;
      // Eight bytes in place need no room, and say no less than what was asked for.
      if (this.#table[index] !== ALL_ONES) this.#coarse.add(index);
      return this.#setEntry(index, ALL_ONES);
    }
    this.#unlinked.set(index, place);
    await this.#setEntry(index, place);
    this.#unlinked.delete(index);
    this.#coarse.delete(index);
  }

  async #setEntry(index: number, entry: number): Promise<void> {
    if (this.#table[index] === entry) return;
    const first = index - (index % ENTRIES_PER_SECTOR);
    const entries = this.#table.slice(first, first + ENTRIES_PER_SECTOR);
    entries[index - first] = entry;
    const sector = new Uint8Array(entries.length * ENTRY_SIZE);
    encodeTable(entries, sector);
    // Takes effect by itself: one sector, and both what it was and what it will be are sound.
    await this.#image.writeHost(sector, this.#record.tableOffset + first * ENTRY_SIZE);
    // Not before: where the write fails, bits must not go to a cluster that nothing points to.
    this.#table[index] = entry;
  }

  /** What the part holds without a cluster. */
  #contentOf(index: number): Uint8Array {
    const { clusterSize } = this.#image;
    const content = new Uint8Array(clusterSize);
    if (this.#table[index] === ALL_ZEROS) return content;
    const bits = Math.min(clusterSize * 8, this.#bitCount - index * clusterSize * 8);
    content.fill(0xff, 0, Math.ceil(bits / 8));
    if (bits % 8 !== 0) content[Math.floor(bits / 8)] = 2 ** (bits % 8) - 1;
    return content;
  }
}
