import { setImmediate } from 'node:timers/promises';
import type { Chunk } from './chunk.ts';
import { MAX_CHUNKS } from './hashing/chunk-memory.ts';

export interface ChunkQueueOptions {
  /** Counted from 0. */
  readonly newChunk: (number: number) => Chunk;
  /** Hashes a granule ahead, the last one. @returns false: there is none to hash */
  readonly hashOne: () => boolean;
  /** Called in order, of chunks that were read. */
  readonly place: (chunk: Chunk) => Promise<Placed>;
}

export interface Placed {
  /** The chunk's memory is free when this settles; absent: at once. */
  readonly stored?: Promise<void>;
}

interface Closed {
  readonly chunk: Chunk;
  /** Undefined: it is read. */
  ready: Promise<void> | undefined;
}

/** Chunks on their way: one is filled, others are read, and, in their order, placed and written. */
export class ChunkQueue {
  readonly #options: ChunkQueueOptions;
  readonly #free: Chunk[] = [];
  readonly #closed: Closed[] = [];
  readonly #storing = new Set<Promise<void>>();
  #made = 0;
  #failure: { readonly cause: unknown } | undefined;
  /** The one that is filled. */
  open: Chunk | undefined;

  constructor(options: ChunkQueueOptions) {
    this.#options = options;
  }

  /** Opens an empty chunk. @throws what reading, placing and writing throw */
  async next(): Promise<Chunk> {
    for (;;) {
      this.#throwFailure();
      const first = this.#closed[0];
      const isRead = first !== undefined && first.ready === undefined;
      if (isRead && first.chunk.isHashed) {
        await this.#placeFirst();
        continue;
      }
      const chunk = this.#free.pop() ?? this.#make();
      if (chunk !== undefined) {
        this.open = chunk;
        return chunk;
      }
      if (isRead && this.#options.hashOne()) await setImmediate();
      else if (first !== undefined) await this.#placeFirst();
      else await Promise.race(this.#storing);
    }
  }

  #make(): Chunk | undefined {
    if (this.#made === MAX_CHUNKS) return undefined;
    return this.#options.newChunk(this.#made++);
  }

  /** Nothing more is put into the open one. */
  close(): void {
    const chunk = this.open;
    this.open = undefined;
    if (chunk === undefined) return;
    const closed: Closed = { chunk, ready: undefined };
    if (chunk.reads.length > 0) closed.ready = this.#whenRead(closed);
    else chunk.whenRead();
    // Failures are met in order.
    closed.ready?.catch(() => {});
    this.#closed.push(closed);
  }

  async #whenRead(closed: Closed): Promise<void> {
    await Promise.all(closed.chunk.reads);
    closed.ready = undefined;
    closed.chunk.whenRead();
  }

  async #placeFirst(): Promise<void> {
    const { chunk, ready } = this.#closed[0]!;
    await ready;
    this.#closed.shift();
    const { stored } = await this.#options.place(chunk);
    const release = () => {
      chunk.clear();
      this.#free.push(chunk);
    };
    if (stored === undefined) {
      release();
      return;
    }
    const storing: Promise<void> = stored
      .catch((cause: unknown) => {
        this.#failure ??= { cause };
      })
      .finally(() => {
        this.#storing.delete(storing);
        release();
      });
    this.#storing.add(storing);
  }

  /** All is placed and written. */
  async finish(): Promise<void> {
    this.close();
    while (this.#closed.length > 0) {
      const { chunk, ready } = this.#closed[0]!;
      if (ready !== undefined || chunk.isHashed || !this.#options.hashOne()) {
        await this.#placeFirst();
      }
    }
    await Promise.all(this.#storing);
    this.#throwFailure();
  }

  /** Nobody reads or writes the memory of a chunk any more. */
  async abandon(): Promise<void> {
    this.close();
    await Promise.allSettled(this.#closed.flatMap(({ chunk }) => chunk.reads));
    await Promise.all(this.#storing);
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.cause;
  }
}
