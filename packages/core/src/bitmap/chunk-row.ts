import { CHUNK_BITS, CHUNK_BYTES, clearChunks, isUniform, ONES, UNREAD, ZEROS } from './chunk.ts';
import { setBits } from './words.ts';
import type { UnreadBits } from './unread-bits.ts';

/** What bits are taken for that cannot be read. */
export type Unreadable = 'dirty' | 'clean';

/** Of a row some chunks of which are not in memory. */
interface Unread {
  readonly bits: UnreadBits;
  readonly unreadable: Unreadable;
  /** Chunks that are still to be asked for. */
  left: number;
  /** How many could not be read when all were counted. Absent: they are not counted. */
  failuresThen?: number | undefined;
}

/**
 * Chunks with their counts. A copy shares them with the original; whoever changes one takes a copy of
 * that chunk first. Nobody outside sees a chunk that is not read: it is read when it is asked for.
 */
export class ChunkRow {
  #count = 0;
  #chunks: Uint32Array[];
  #counts: Uint16Array;
  /** 1 for each chunk that nobody else has. */
  #owned: Uint8Array;
  #changes = 0;
  #unread: Unread | undefined;

  constructor(chunkCount: number) {
    this.#chunks = clearChunks(chunkCount);
    this.#counts = new Uint16Array(chunkCount);
    this.#owned = new Uint8Array(chunkCount);
  }

  get length(): number {
    return this.#chunks.length;
  }

  /** Set bits of all. Reads what is not counted yet. */
  get count(): number {
    const unread = this.#unread;
    if (unread !== undefined && unread.failuresThen !== unread.bits.failures) {
      for (let index = 0; index < this.#chunks.length; index++) {
        if (this.#chunks[index] === UNREAD) this.#setCount(index, countOf(unread, index));
      }
      unread.failuresThen = unread.bits.failures;
    }
    return this.#count;
  }

  /** Whether no bit is set, as far as that is known without reading. */
  get isClear(): boolean {
    return this.#count === 0 && (this.#unread === undefined || this.#unread.left === 0);
  }

  /** Another one after each change. */
  get changes(): number {
    return this.#changes;
  }

  /** Bytes of the chunks that are in memory, and not all of one value. */
  get allocatedBytes(): number {
    const isHere = (chunk: Uint32Array) => !isUniform(chunk) && chunk !== UNREAD;
    return this.#chunks.reduce((sum, chunk) => sum + (isHere(chunk) ? CHUNK_BYTES : 0), 0);
  }

  /** To read from: ZEROS, ONES, or words that may change later. None behind the last chunk. */
  at(index: number): Uint32Array | undefined {
    const chunk = this.#chunks[index];
    return chunk === UNREAD ? this.#read(index) : chunk;
  }

  /** Set bits of a chunk, for which it is not kept in memory. */
  countOf(index: number): number {
    if (this.#chunks[index] === UNREAD) return countOf(this.#unread!, index);
    return this.#counts[index]!;
  }

  /** The chunk's words, to be written to. */
  own(index: number): Uint32Array {
    const chunk = this.at(index)!;
    if (this.#owned[index] === 1) return chunk;
    const copy = chunk.slice();
    this.#chunks[index] = copy;
    this.#owned[index] = 1;
    return copy;
  }

  /** Whether the chunk is all of this one value; nothing is read for that. */
  has(index: number, uniform: Uint32Array): boolean {
    return this.#chunks[index] === uniform;
  }

  isOwned(index: number): boolean {
    return this.#owned[index] === 1;
  }

  /** Has the same chunk as another row, which takes a copy of it before it changes that. */
  share(index: number, from: ChunkRow): void {
    const chunk = from.at(index)!;
    from.#owned[index] = 0;
    this.#owned[index] = 0;
    this.put(index, chunk, from.#counts[index]!);
  }

  /** Puts a copy of `words` in the chunk's place, where it was not. */
  replace(index: number, words: Uint32Array, count: number): void {
    if (count > 0 && count < CHUNK_BITS) {
      if (this.#owned[index] === 1) this.#chunks[index]!.set(words);
      else this.#setChunk(index, words.slice());
      this.#owned[index] = 1;
    }
    this.recount(index, count);
  }

  /** Notes a new count, and gives the memory back where the chunk has become of one value. */
  recount(index: number, count: number): void {
    const chunk = count === 0 ? ZEROS : count === CHUNK_BITS ? ONES : this.#chunks[index]!;
    this.put(index, chunk, count);
  }

  put(index: number, chunk: Uint32Array, count: number): void {
    this.#changes += 1;
    this.#setCount(index, count);
    this.#setChunk(index, chunk);
    if (isUniform(chunk)) this.#owned[index] = 0;
  }

  resize(chunkCount: number): void {
    const kept = Math.min(chunkCount, this.#chunks.length);
    for (let index = kept; index < this.#chunks.length; index++) this.put(index, ZEROS, 0);
    const chunks = clearChunks(chunkCount);
    for (let i = 0; i < kept; i++) chunks[i] = this.#chunks[i]!;
    const counts = new Uint16Array(chunkCount);
    counts.set(this.#counts.subarray(0, kept));
    const owned = new Uint8Array(chunkCount);
    owned.set(this.#owned.subarray(0, kept));
    this.#chunks = chunks;
    this.#counts = counts;
    this.#owned = owned;
    this.#changes += 1;
  }

  /** `unreadable`: what bits are to the copy that cannot be read, then or before. Default: as here. */
  clone(unreadable: Unreadable | undefined = this.#unread?.unreadable): ChunkRow {
    const copy = new ChunkRow(0);
    copy.#count = this.#count;
    copy.#chunks = this.#chunks.slice();
    copy.#counts = this.#counts.slice();
    copy.#owned = new Uint8Array(this.#owned.length);
    this.#owned.fill(0);
    if (this.#unread !== undefined && unreadable !== undefined) {
      copy.#unread = { bits: this.#unread.bits, unreadable, left: this.#unread.left };
      if (unreadable === 'clean') copy.#dropFailed();
    }
    return copy;
  }

  /** A chunk is what `bits` has there, from whenever it is asked for. One object for all of a row. */
  putOff(index: number, bits: UnreadBits): void {
    this.#unread ??= { bits, unreadable: 'dirty', left: 0 };
    if (this.#unread.bits !== bits) throw new RangeError('bits of another source are put off');
    bits.putOff(index);
    this.put(index, ZEROS, 0);
    this.#chunks[index] = UNREAD;
    this.#unread.left += 1;
    this.#unread.failuresThen = undefined;
  }

  /** Counts what is not in memory, while others go on. */
  async countAhead(signal?: AbortSignal): Promise<void> {
    const unread = this.#unread;
    if (unread !== undefined && unread.left > 0) await unread.bits.countAll(signal);
  }

  #read(index: number): Uint32Array {
    const unread = this.#unread!;
    const { bits, unreadable } = unread;
    const found = bits.chunk(index);
    // What was counted, or passed over as read, is another thing now.
    if (found === undefined) this.#changes += 1;
    this.#setCount(index, countOf(unread, index));
    const chunk = found ?? unreadableChunk(bits.validIn(index), unreadable);
    this.#setChunk(index, chunk);
    return chunk;
  }

  #setCount(index: number, count: number): void {
    this.#count += count - this.#counts[index]!;
    this.#counts[index] = count;
  }

  #setChunk(index: number, chunk: Uint32Array): void {
    if (this.#chunks[index] === UNREAD) this.#noLongerUnread();
    this.#chunks[index] = chunk;
  }

  #noLongerUnread(): void {
    const unread = this.#unread!;
    unread.left -= 1;
    // Who has to know what is certainly set asks for failures later.
    if (unread.left === 0 && unread.bits.failures === 0) this.#unread = undefined;
  }

  #dropFailed(): void {
    const { bits } = this.#unread!;
    for (let index = 0; index < this.#chunks.length; index++) {
      if (bits.hasFailedAt(index)) this.put(index, ZEROS, 0);
    }
  }
}

function countOf({ bits, unreadable }: Unread, index: number): number {
  return bits.countOf(index) ?? (unreadable === 'dirty' ? bits.validIn(index) : 0);
}

function unreadableChunk(valid: number, unreadable: Unreadable): Uint32Array {
  if (unreadable === 'clean') return ZEROS;
  if (valid === CHUNK_BITS) return ONES;
  const words = ZEROS.slice();
  setBits(words, 0, valid);
  return words;
}
