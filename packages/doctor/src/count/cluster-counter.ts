import type { MemoryBudget } from './memory-budget.ts';

/** Clusters of a chunk. Small, so that references far apart do not cost much memory each. */
const CHUNK_BITS = 12;
const CHUNK = 2 ** CHUNK_BITS;
const NARROW_MAX = 255;

type Chunk = Uint8Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/**
 * How often each cluster is referred to. A chunk begins with a byte a cluster, and is widened when
 * one of its counts does not fit; chunks that nothing refers to take up none.
 */
export class ClusterCounter {
  readonly #chunks = new Map<number, Chunk>();
  readonly #budget: MemoryBudget;
  // References mostly come in runs: the chunk of the last one is the likeliest of the next.
  #lastIndex = -1;
  #last: Chunk = new Uint8Array(0);

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  /** Adds `weight`, and gives the new count. @throws IMAGE_UNSUPPORTED: out of the budget */
  add(cluster: number, weight: number): number {
    const index = Math.floor(cluster / CHUNK);
    const at = cluster - index * CHUNK;
    if (index !== this.#lastIndex) this.#select(index);
    const chunk = this.#last;
    const count = chunk[at]! + weight;
    if (count <= NARROW_MAX || chunk instanceof Float64Array) chunk[at] = count;
    else {
      this.#widen(index, chunk);
      this.#last[at] = count;
    }
    return count;
  }

  get(cluster: number): number {
    const index = Math.floor(cluster / CHUNK);
    return this.#chunks.get(index)?.[cluster - index * CHUNK] ?? 0;
  }

  /** Each cluster that is referred to, ascending. */
  *entries(): Generator<readonly [cluster: number, count: number]> {
    for (const index of [...this.#chunks.keys()].sort((a, b) => a - b)) {
      const chunk = this.#chunks.get(index)!;
      for (let at = 0; at < CHUNK; at++) {
        if (chunk[at] !== 0) yield [index * CHUNK + at, chunk[at]!];
      }
    }
  }

  /** Whether nothing refers to a cluster in `[from, to)`; false where that takes a closer look. */
  isEmpty(from: number, to: number): boolean {
    for (let index = Math.floor(from / CHUNK); index * CHUNK < to; index++) {
      if (this.#chunks.has(index)) return false;
    }
    return true;
  }

  #select(index: number): void {
    let chunk = this.#chunks.get(index);
    if (chunk === undefined) {
      this.#budget.take(CHUNK);
      chunk = new Uint8Array(CHUNK);
      this.#chunks.set(index, chunk);
    }
    this.#lastIndex = index;
    this.#last = chunk;
  }

  #widen(index: number, narrow: Chunk): void {
    this.#budget.take(CHUNK * Float64Array.BYTES_PER_ELEMENT);
    this.#last = Float64Array.from(narrow);
    this.#chunks.set(index, this.#last);
  }
}

/** Clusters, a bit for each. */
export class ClusterSet {
  readonly #chunks = new Map<number, Uint8Array>();
  readonly #budget: MemoryBudget;

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  add(cluster: number): void {
    const index = Math.floor(cluster / CHUNK);
    let chunk = this.#chunks.get(index);
    if (chunk === undefined) {
      this.#budget.take(CHUNK / 8);
      chunk = new Uint8Array(CHUNK / 8);
      this.#chunks.set(index, chunk);
    }
    const at = cluster % CHUNK;
    chunk[at >>> 3] = chunk[at >>> 3]! | (1 << (at & 7));
  }

  has(cluster: number): boolean {
    const at = cluster % CHUNK;
    const byte = this.#chunks.get(Math.floor(cluster / CHUNK))?.[at >>> 3] ?? 0;
    return (byte & (1 << (at & 7))) !== 0;
  }
}
