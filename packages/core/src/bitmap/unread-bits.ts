import { CHUNK_BITS, CHUNK_BYTES, ONES, ZEROS } from './chunk.ts';
import { kernels } from './kernels/choose.ts';
import { CHUNK_WORDS } from './kernels/kernels.ts';
import { resetBits } from './words.ts';

/** Where serialised bits lie that are not in memory. What lies there is not changed before `keep`. */
export interface BitSource {
  /**
   * Fills `target` from byte `at` on in this tick, however long that takes.
   * @returns false: it cannot be done, and what `target` has means nothing
   */
  readNow(target: Uint8Array, at: number): boolean;
  /** The same, and others go on meanwhile. @throws I/O codes */
  read(target: Uint8Array, at: number): Promise<void>;
}

/** Chunks that are read at once, for those who go over them in order: 256 KiB. */
const MAX_AHEAD = 64;

/** What is known of a chunk. Nothing: it was never put off. */
const Known = { NOTHING: 0, UNREAD: 1, COUNTED: 2, READ: 3, FAILED: 4 } as const;

/**
 * Bits that nobody has looked at yet. All clones of a bitmap share them, so that each part is read
 * once and all see the same. What could not be read once is not asked for again.
 */
export class UnreadBits {
  readonly #source: BitSource;
  readonly #length: number;
  readonly #onFailure: () => void;
  readonly #known: Uint8Array;
  readonly #chunks: (Uint32Array | undefined)[];
  readonly #counts: Uint16Array;
  #failures = 0;
  /** Where a reader goes on who comes for one chunk after the other, and how much is read then. */
  #next = -1;
  #ahead = 1;

  /** `length`: bits. `onFailure`: hears that some cannot be read, once. */
  constructor(source: BitSource, length: number, onFailure: () => void = () => {}) {
    this.#source = source;
    this.#length = length;
    this.#onFailure = onFailure;
    const chunkCount = Math.ceil(length / CHUNK_BITS);
    this.#known = new Uint8Array(chunkCount);
    this.#chunks = Array.from({ length: chunkCount });
    this.#counts = new Uint16Array(chunkCount);
  }

  /** Chunks that could not be read. */
  get failures(): number {
    return this.#failures;
  }

  /** A chunk is to be read when somebody needs it. */
  putOff(index: number): void {
    this.#known[index] = Known.UNREAD;
  }

  /** Bits of a chunk that are no padding. */
  validIn(index: number): number {
    return Math.min(CHUNK_BITS, this.#length - index * CHUNK_BITS);
  }

  hasFailedAt(index: number): boolean {
    return this.#known[index] === Known.FAILED;
  }

  /** To read from, of a chunk that was put off; undefined where it cannot be read. */
  chunk(index: number): Uint32Array | undefined {
    if (this.#isMissing(index)) this.#readFrom(index);
    return this.#chunks[index];
  }

  /** Its set bits, for which it is not kept in memory; undefined where it cannot be read. */
  countOf(index: number): number | undefined {
    if (this.#known[index] === Known.UNREAD) this.#countFrom(index);
    return this.hasFailedAt(index) ? undefined : this.#counts[index];
  }

  /** Serialised bytes are going to be overwritten: the chunks that they are in are read now. */
  keep(at: number, length: number): void {
    const end = Math.min(this.#known.length, Math.ceil((at + length) / CHUNK_BYTES));
    for (let index = Math.floor(at / CHUNK_BYTES); index < end; index++) {
      if (this.#known[index] !== Known.NOTHING) this.chunk(index);
    }
  }

  /** What lies there is needed no more when this resolves. */
  async keepAll(): Promise<void> {
    await this.#inPieces(
      (index) => this.#isMissing(index),
      (words, index) => {
        this.#put(index, words.slice());
      },
    );
  }

  /** `countOf` knows all when this resolves, and nothing more is in memory; or it was given up. */
  async countAll(signal?: AbortSignal): Promise<void> {
    const isUncounted = (index: number) =>
      this.#known[index] === Known.UNREAD && signal?.aborted !== true;
    await this.#inPieces(isUncounted, (words, index) => this.#count(index, words));
  }

  /** In pieces of neighbours that are wanted; what somebody was quicker with is not taken. */
  async #inPieces(
    isWanted: (index: number) => boolean,
    take: (words: Uint32Array, index: number) => void,
  ): Promise<void> {
    let room: Uint32Array | undefined;
    for (let index = 0; index < this.#known.length;) {
      const count = this.#wantedFrom(index, isWanted);
      if (count > 0) {
        room ??= new Uint32Array(MAX_AHEAD * CHUNK_WORDS);
        const words = room.subarray(0, count * CHUNK_WORDS);
        const isRead = await this.#source.read(bytesOf(words), index * CHUNK_BYTES).then(
          () => true,
          () => false,
        );
        for (let i = 0; i < count; i++) {
          if (!isWanted(index + i)) continue;
          if (isRead) take(this.#cut(words, index, i), index + i);
          // Perhaps only a part of the piece cannot be read.
          else this.#readFrom(index + i);
        }
      }
      index += Math.max(1, count);
    }
  }

  #wantedFrom(index: number, isWanted: (index: number) => boolean): number {
    let count = 0;
    while (count < MAX_AHEAD && index + count < this.#known.length && isWanted(index + count)) {
      count += 1;
    }
    return count;
  }

  #isMissing(index: number): boolean {
    const known = this.#known[index];
    return known === Known.UNREAD || known === Known.COUNTED;
  }

  #readFrom(index: number): void {
    this.#ahead = index === this.#next ? Math.min(MAX_AHEAD, this.#ahead * 4) : 1;
    const isMissing = (other: number) => this.#isMissing(other);
    const count = Math.min(this.#ahead, this.#wantedFrom(index, isMissing));
    const words = this.#wordsFrom(index, count);
    this.#next = index + count;
    if (words === undefined) return;
    for (let i = 0; i < words.length / CHUNK_WORDS; i++)
      this.#put(index + i, this.#cut(words, index, i));
  }

  #countFrom(index: number): void {
    const isUncounted = (other: number) => this.#known[other] === Known.UNREAD;
    const words = this.#wordsFrom(index, this.#wantedFrom(index, isUncounted));
    if (words === undefined) return;
    for (let i = 0; i < words.length / CHUNK_WORDS; i++) {
      this.#count(index + i, this.#cut(words, index, i));
    }
  }

  /** Of this chunk and those behind it, or of this one alone, or nothing: then it has failed. */
  #wordsFrom(index: number, count: number): Uint32Array | undefined {
    for (const each of count > 1 ? [count, 1] : [1]) {
      const words = new Uint32Array(each * CHUNK_WORDS);
      if (this.#source.readNow(bytesOf(words), index * CHUNK_BYTES)) return words;
    }
    this.#known[index] = Known.FAILED;
    this.#failures += 1;
    if (this.#failures === 1) this.#onFailure();
    return undefined;
  }

  /** The chunk `index + i` of what was read from `index` on, without bits behind the end. */
  #cut(words: Uint32Array, index: number, i: number): Uint32Array {
    const chunk = words.subarray(i * CHUNK_WORDS, (i + 1) * CHUNK_WORDS);
    const valid = this.validIn(index + i);
    if (valid < CHUNK_BITS) resetBits(chunk, valid, CHUNK_BITS);
    return chunk;
  }

  #put(index: number, words: Uint32Array): void {
    const count = kernels().count(words);
    this.#counts[index] = count;
    this.#chunks[index] = count === 0 ? ZEROS : count === CHUNK_BITS ? ONES : words;
    this.#known[index] = Known.READ;
  }

  #count(index: number, words: Uint32Array): void {
    this.#counts[index] = kernels().count(words);
    this.#known[index] = Known.COUNTED;
  }
}

const bytesOf = (words: Uint32Array) =>
  new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
