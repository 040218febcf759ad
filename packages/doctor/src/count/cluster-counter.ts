import type { MemoryBudget } from './memory-budget.ts';

/** Clusters of a chunk: of few, so that references far apart do not cost much memory each. */
export const CHUNK = 2 ** 12;
const CHUNK_BITS = 12;
const NARROW_MAX = 255;

/** What a set holds of a chunk that nothing was added to. */
const EMPTY = new Uint8Array(CHUNK / 8);
/** A byte of it with all of its clusters. */
const ALL = 0xff;

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
    const index = chunkOf(cluster);
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

  /** The same for clusters in a row. */
  addRun(cluster: number, count: number, weight: number): void {
    for (let at = cluster, end = cluster + count; at < end;) {
      const index = chunkOf(at);
      if (index !== this.#lastIndex) this.#select(index);
      const to = Math.min(end, (index + 1) * CHUNK);
      const chunk = this.#last;
      const base = index * CHUNK;
      // Most are referred to once: nothing has to be widened.
      while (at < to && chunk[at - base]! + weight <= NARROW_MAX) {
        chunk[at - base] = chunk[at - base]! + weight;
        at += 1;
      }
      if (at < to) this.add(at++, weight);
    }
  }

  get(cluster: number): number {
    const index = chunkOf(cluster);
    if (index === this.#lastIndex) return this.#last[cluster - index * CHUNK]!;
    return this.#chunks.get(index)?.[cluster - index * CHUNK] ?? 0;
  }

  /** Counts of a whole chunk from its first cluster on; undefined: all are 0. */
  chunkAt(first: number): Uint8Array | Float64Array | undefined {
    return this.#chunks.get(chunkOf(first));
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
  #lastIndex = -1;
  #last: Uint8Array = EMPTY;

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  add(cluster: number): void {
    const index = chunkOf(cluster);
    if (index !== this.#lastIndex) this.#select(index);
    if (this.#last === EMPTY) {
      this.#budget.take(CHUNK / 8);
      this.#last = new Uint8Array(CHUNK / 8);
      this.#chunks.set(index, this.#last);
    }
    const at = cluster - index * CHUNK;
    this.#last[at >>> 3] = this.#last[at >>> 3]! | (1 << (at & 7));
  }

  addRun(cluster: number, count: number): void {
    for (let at = cluster, end = cluster + count; at < end;) {
      this.add(at);
      const whole = wholeBytes(at, end);
      const from = (at % CHUNK) >>> 3;
      this.#last.fill(ALL, from, from + whole);
      at += Math.max(1, whole * 8);
    }
  }

  /** Whether all of them are in it. */
  hasRun(cluster: number, count: number): boolean {
    for (let at = cluster, end = cluster + count; at < end;) {
      if (!this.has(at)) return false;
      const whole = wholeBytes(at, end);
      const from = (at % CHUNK) >>> 3;
      for (let i = from; i < from + whole; i++) if (this.#last[i] !== ALL) return false;
      at += Math.max(1, whole * 8);
    }
    return true;
  }

  has(cluster: number): boolean {
    const index = chunkOf(cluster);
    if (index !== this.#lastIndex) this.#select(index);
    const at = cluster - index * CHUNK;
    return (this.#last[at >>> 3]! & (1 << (at & 7))) !== 0;
  }

  #select(index: number): void {
    this.#last = this.#chunks.get(index) ?? EMPTY;
    this.#lastIndex = index;
  }
}

/** Shifts are much faster than divisions, and enough for all but the largest files. */
function chunkOf(cluster: number): number {
  return cluster < 2 ** 31 ? cluster >>> CHUNK_BITS : Math.floor(cluster / CHUNK);
}

/** Bytes of a chunk of a set that hold clusters of `[at, end)` alone, from that of `at` on. */
function wholeBytes(at: number, end: number): number {
  if (at % 8 !== 0) return 0;
  return Math.floor((Math.min(end, at - (at % CHUNK) + CHUNK) - at) / 8);
}
