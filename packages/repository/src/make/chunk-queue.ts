import type { Chunk } from './chunk.ts';

/** Chunks in memory: what a cold disk needs to be kept busy, and what is written meanwhile. */
const MAX_CHUNKS = 16;

export interface ChunkQueueOptions {
  readonly newChunk: () => Chunk;
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
      if (this.#closed.length > 0 && this.#closed[0]!.ready === undefined) {
        await this.#placeFirst();
        continue;
      }
      const chunk = this.#free.pop() ?? this.#make();
      if (chunk !== undefined) {
        this.open = chunk;
        return chunk;
      }
      if (this.#closed.length > 0) await this.#placeFirst();
      else await Promise.race(this.#storing);
    }
  }

  #make(): Chunk | undefined {
    if (this.#made === MAX_CHUNKS) return undefined;
    this.#made += 1;
    return this.#options.newChunk();
  }

  /** Nothing more is put into the open one. */
  close(): void {
    const chunk = this.open;
    this.open = undefined;
    if (chunk === undefined) return;
    const closed: Closed = { chunk, ready: undefined };
    if (chunk.reads.length > 0) closed.ready = this.#whenRead(closed);
    // Failures are met in order.
    closed.ready?.catch(() => {});
    this.#closed.push(closed);
  }

  async #whenRead(closed: Closed): Promise<void> {
    await Promise.all(closed.chunk.reads);
    closed.ready = undefined;
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
    while (this.#closed.length > 0) await this.#placeFirst();
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
