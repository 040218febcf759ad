import { isZero } from '@tidemark/block';
import type { TryEntry } from '../format/try-record.ts';
import { CHUNK_SIZE, type ChunkRoom } from './hashing/chunk-memory.ts';

/** A part of a drive. Granules, and bytes of content. */
export interface ChunkPart {
  readonly first: number;
  readonly length: number;
  /** Where its content lies in the chunk; absent: it was not read. */
  readonly at?: number;
  /** Of one granule that was not read, but by an earlier try. */
  readonly known?: TryEntry;
}

/**
 * Memory, and what of a drive is in it. Ahead of each part there is as much room as sealing adds to its
 * granules, so that what is stored of granules, put in front, never reaches those that are next.
 */
export class Chunk {
  readonly #granularity: number;
  readonly #overhead: number;
  readonly #room: ChunkRoom;
  readonly #bytes: Uint8Array;
  /** Of granules with content, in order: whether they are all zeros. */
  #zeros: boolean[] = [];
  #parts: ChunkPart[] = [];
  #reads: Promise<void>[] = [];
  #end = 0;
  #left: number = CHUNK_SIZE;
  #kept = 0;

  /** `granularity`: at most `CHUNK_SIZE`. `overhead`: what sealing adds to a granule. */
  constructor(granularity: number, overhead: number, room: ChunkRoom) {
    this.#granularity = granularity;
    this.#overhead = overhead;
    this.#room = room;
    this.#bytes = room.bytes;
  }

  /** What is in it, ascending. */
  get parts(): readonly ChunkPart[] {
    return this.#parts;
  }

  /** Bytes of content that it takes still: whole granules. */
  get left(): number {
    return this.#left;
  }

  /** Reads into it that were begun. */
  get reads(): readonly Promise<void>[] {
    return this.#reads;
  }

  addZeros(first: number, length: number): void {
    this.#parts.push({ first, length });
  }

  addKnown(known: TryEntry, length: number): void {
    this.#parts.push({ first: known.granule, length, known });
  }

  /** @returns where its content goes */
  addContent(first: number, length: number): Uint8Array {
    const count = Math.ceil(length / this.#granularity);
    const at = this.#end + count * this.#overhead;
    this.#parts.push({ first, length, at });
    this.#end = at + length;
    this.#left -= count * this.#granularity;
    return this.#bytes.subarray(at, this.#end);
  }

  /** Its content is not there before this settles. */
  waitFor(read: Promise<void>): void {
    // Failures are met in order; until then they must not count as unhandled.
    read.catch(() => {});
    this.#reads.push(read);
  }

  /** All of its content is there. */
  whenRead(): void {
    for (const { at, length } of this.#parts) {
      if (at === undefined) continue;
      for (let done = 0; done < length; done += this.#granularity) {
        const size = Math.min(this.#granularity, length - done);
        const granule = this.#zeros.push(isZero(this.content(at + done, size))) - 1;
        if (!this.#zeros[granule]!) this.#room.offer(granule, at + done, size);
      }
    }
    this.#room.publish();
  }

  /** Nothing is to be won by waiting. */
  get isHashed(): boolean {
    return this.#zeros.every((zeros, granule) => zeros || this.#room.isHashed(granule));
  }

  /** Of a granule with content, in order. Undefined: all zeros. */
  digest(granule: number): Uint8Array | undefined {
    return this.#zeros[granule] === true ? undefined : this.#room.digest(granule);
  }

  content(at: number, length: number): Uint8Array {
    return this.#bytes.subarray(at, at + length);
  }

  /** Puts what is stored of the content that was looked at last behind what was kept before. */
  keep(stored: Uint8Array): void {
    const { buffer, byteOffset } = this.#bytes;
    const isThere = stored.buffer === buffer && stored.byteOffset === byteOffset + this.#kept;
    if (!isThere) this.#bytes.set(stored, this.#kept);
    this.#kept += stored.length;
  }

  get kept(): Uint8Array {
    return this.#bytes.subarray(0, this.#kept);
  }

  clear(): void {
    this.#parts = [];
    this.#zeros = [];
    this.#reads = [];
    this.#end = 0;
    this.#left = CHUNK_SIZE;
    this.#kept = 0;
  }
}
