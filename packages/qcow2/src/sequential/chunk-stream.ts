import { type BlockDevice, ioBuffer } from '@tidemark/block';

/** Bytes of one write, and of each buffer, where a unit is no larger. */
const CHUNK_SIZE = 1024 * 1024;
/** Chunks whose content is still being read, or that are being written. */
const IN_FLIGHT = 6;

interface Chunk {
  readonly buffer: Uint8Array;
  /** Where it goes to. */
  readonly offset: number;
  used: number;
  readonly reads: Promise<void>[];
}

/** Room in a chunk. */
export interface Room {
  readonly bytes: Uint8Array;
  /** Where it goes to. */
  readonly offset: number;
}

export interface ChunkStreamOptions {
  /** Where it begins in the file. */
  readonly start: number;
  /** Room comes in so many bytes. */
  readonly unit: number;
  /** Bytes that are written before the disk is to have them, while more is written. Default: never. */
  readonly flushEvery?: number | undefined;
}

/** Writes a file from front to back, in large pieces, while their content is still being read. */
export class ChunkStream {
  readonly #device: BlockDevice;
  readonly #unit: number;
  readonly #flushEvery: number;
  readonly #chunkSize: number;
  readonly #free: Uint8Array[] = [];
  readonly #writing = new Set<Promise<void>>();
  #growing: Promise<void> = Promise.resolve();
  #flushing: Promise<void> | undefined;
  /** Bytes that were written since the last flush began. */
  #unflushed = 0;
  #chunk: Chunk | undefined;
  #failure: { readonly cause: unknown } | undefined;
  #end: number;

  constructor(device: BlockDevice, { start, unit, flushEvery = Infinity }: ChunkStreamOptions) {
    this.#device = device;
    this.#unit = unit;
    this.#flushEvery = flushEvery;
    this.#chunkSize = Math.max(unit, CHUNK_SIZE);
    this.#end = start;
  }

  /** Bytes of the file with all that room was asked for. */
  get end(): number {
    return this.#end;
  }

  /** The next so many bytes of the file, whole units, or fewer. Its content is whatever. */
  take(length: number): Room {
    const chunk = this.#open();
    const taken = Math.min(length, this.#chunkSize - chunk.used);
    const bytes = chunk.buffer.subarray(chunk.used, chunk.used + taken);
    const offset = this.#end;
    chunk.used += taken;
    this.#end += taken;
    return { bytes, offset };
  }

  /** So many bytes at the end of the room that was taken last are not needed: whole units. */
  giveBack(length: number): void {
    this.#chunk!.used -= length;
    this.#end -= length;
  }

  /** The room that was taken last is not filled before this. */
  waitFor(read: Promise<void>): void {
    // Failures are met when the chunk is written; until then they must not count as unhandled.
    read.catch(() => {});
    this.#chunk!.reads.push(read);
  }

  /** Undefined: more can be taken at once. @throws what a read or a write threw */
  ready(): Promise<void> | undefined {
    this.#throwFailure();
    return this.#writing.size < IN_FLIGHT ? undefined : this.#waitForRoom();
  }

  /** All that was taken is written. Nothing is under way afterwards, also where it fails. */
  async finish(): Promise<void> {
    this.#send();
    await this.settle();
    this.#throwFailure();
  }

  /** Nothing is under way any more. Does not throw. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#chunk?.reads ?? []);
    await Promise.all(this.#writing);
    await this.#flushing;
  }

  async #waitForRoom(): Promise<void> {
    while (this.#writing.size >= IN_FLIGHT) await Promise.race(this.#writing);
    this.#throwFailure();
  }

  #open(): Chunk {
    if (this.#chunk !== undefined && this.#chunkSize - this.#chunk.used < this.#unit) this.#send();
    this.#chunk ??= {
      buffer: this.#free.pop() ?? ioBuffer(this.#chunkSize),
      offset: this.#end,
      used: 0,
      reads: [],
    };
    return this.#chunk;
  }

  #send(): void {
    const chunk = this.#chunk;
    this.#chunk = undefined;
    if (chunk === undefined || chunk.used === 0) return;
    const bytes = chunk.buffer.subarray(0, chunk.used);
    const fits = chunk.offset + chunk.used <= this.#device.size;
    const isFilled = chunk.reads.length === 0;
    if (fits && isFilled && this.#device.writeNow?.(bytes, chunk.offset) === true) {
      this.#free.push(chunk.buffer);
      this.#wrote(chunk.used);
      return;
    }
    const writing: Promise<void> = this.#write(chunk, bytes)
      .then(() => this.#wrote(chunk.used))
      .catch((cause: unknown) => {
        this.#failure ??= { cause };
      })
      .finally(() => {
        this.#free.push(chunk.buffer);
        this.#writing.delete(writing);
      });
    this.#writing.add(writing);
  }

  /** A disk that is to have it all in the end has no reason to wait for that. */
  #wrote(length: number): void {
    this.#unflushed += length;
    if (this.#unflushed < this.#flushEvery || this.#flushing !== undefined) return;
    this.#unflushed = 0;
    this.#flushing = this.#device
      .flush()
      .catch((cause: unknown) => {
        this.#failure ??= { cause };
      })
      .finally(() => {
        this.#flushing = undefined;
      });
  }

  async #write({ reads, offset }: Chunk, bytes: Uint8Array): Promise<void> {
    // All of them, so that none writes into the buffer when it has gone to somebody else.
    const outcomes = await Promise.allSettled(reads);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    await this.#grow(offset + bytes.length);
    await this.#device.write(bytes, offset);
  }

  /** One at a time, by an eighth at least. */
  async #grow(size: number): Promise<void> {
    const device = this.#device;
    const grow = async () => {
      if (device.size < size) await device.resize(Math.max(size, Math.ceil(device.size * 1.125)));
    };
    this.#growing = this.#growing.then(grow, grow);
    await this.#growing;
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.cause;
  }
}
