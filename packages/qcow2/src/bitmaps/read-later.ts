import { DirtyBitmap, type BitSource, UnreadBits } from '@tidemark/core';
import type { ImageMetadata } from '../image-metadata.ts';
import type { BitmapRecord } from './directory-codec.ts';
import { assertInFile, readTable } from './read-content.ts';
import { ALL_ONES, type BitmapTable, tableRuns } from './table-codec.ts';

/** Bytes of bits that are read or not read as one. */
const PIECE_SIZE = 4096;

/** Bits some of which are still to be read. */
export interface LateContent {
  readonly content: DirtyBitmap;
  /** To be told before what lies in the file is changed or given back. */
  readonly unread: UnreadBits;
}

/**
 * As `readContent`, but bits that lie in the file are read when somebody needs them. Those that
 * cannot be read then are dirty; `onFailure` hears of it once. Undefined: they can only be read now.
 * @throws as `readContent`, for the table
 */
export async function readLater(
  image: ImageMetadata,
  record: BitmapRecord,
  diskSize: number,
  onFailure: () => void,
): Promise<LateContent | undefined> {
  const { clusterSize } = image;
  // Not each kind of file can be read at once.
  if (!image.readHostBlocking(new Uint8Array(1), 0)) return undefined;
  const content = new DirtyBitmap(diskSize, record.granularity);
  const size = content.serializedLength;
  const table = await readTable(image, record);
  const unread = new UnreadBits(new TabledBits(image, table, size), content.length, onFailure);
  for (const run of tableRuns(table, clusterSize, table.length)) {
    const at = run.index * clusterSize;
    const length = Math.min(run.count * clusterSize, size - at);
    if (run.start === ALL_ONES) content.fill(at, length, true);
    if (run.start > ALL_ONES) assertInFile(image, record, run, length);
  }
  const clusters = Math.max(1, PIECE_SIZE / clusterSize);
  for (let at = 0; at < size; at += PIECE_SIZE) {
    const first = Math.floor(at / clusterSize);
    const isThere = table.subarray(first, first + clusters).some((entry) => entry > ALL_ONES);
    if (isThere) content.putOff(at, PIECE_SIZE, unread);
  }
  return { content, unread };
}

/** A part of `target`, and where its bits lie. */
interface HostPart {
  readonly part: Uint8Array;
  readonly offset: number;
}

/** Bits where a table said that they lie, when it was read. */
class TabledBits implements BitSource {
  readonly #image: ImageMetadata;
  readonly #table: BitmapTable;
  readonly #size: number;

  /** `size`: serialised bytes; behind them there is padding. */
  constructor(image: ImageMetadata, table: BitmapTable, size: number) {
    this.#image = image;
    this.#table = table;
    this.#size = size;
  }

  readNow(target: Uint8Array, at: number): boolean {
    for (const { part, offset } of this.#partsOf(target, at)) {
      if (!this.#image.readHostBlocking(part, offset)) return false;
    }
    return true;
  }

  async read(target: Uint8Array, at: number): Promise<void> {
    for (const { part, offset } of this.#partsOf(target, at)) {
      await this.#image.readHost(part, offset);
    }
  }

  /** Neighbouring clusters that lie side by side are one part; those without data are filled in. */
  *#partsOf(target: Uint8Array, at: number): Generator<HostPart> {
    const { clusterSize } = this.#image;
    const end = Math.min(target.length, this.#size - at);
    target.fill(0, end);
    const first = Math.floor(at / clusterSize);
    const last = Math.ceil((at + end) / clusterSize);
    const runs = tableRuns(this.#table.subarray(first, last), clusterSize, last - first);
    for (const { index, count, start } of runs) {
      const begin = (first + index) * clusterSize;
      const from = Math.max(at, begin);
      const to = Math.min(at + end, begin + count * clusterSize);
      const part = target.subarray(from - at, to - at);
      if (start <= ALL_ONES) part.fill(start === ALL_ONES ? 0xff : 0);
      else yield { part, offset: start + from - begin };
    }
  }
}
