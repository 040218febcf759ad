import { GRANULE } from './setting.ts';

/** Bytes that an entry of an L2 table takes. */
const ENTRY = 8;

/** Granules of which the clusters in the image have changed, and flushes since then. */
interface Batch {
  readonly granules: Set<number>;
  flushes: number;
}

/**
 * The clusters of guest data that a power cut may leave cut off: those that writes have taken or
 * zeros have given back and that two flushes, one after the other, have not seen. The first makes
 * links durable, the second what is counted by them.
 */
export class GuestClusters {
  readonly #underWay = new Set<readonly number[]>();
  /** Whose writes are answered. */
  #since: Set<number> = new Set();
  #batches: readonly Batch[] = [];
  /** Granules that have their clusters: writes are made in place. */
  readonly #inPlace = new Set<number>();

  /** Something is written. @returns what to call when that is over */
  changing(granules: readonly number[], isZero: boolean): () => void {
    const changed = granules.filter((granule) => isZero || !this.#inPlace.has(granule));
    if (isZero) for (const granule of granules) this.#inPlace.delete(granule);
    this.#underWay.add(changed);
    return () => {
      this.#underWay.delete(changed);
      for (const granule of changed) this.#since.add(granule);
      if (!isZero) for (const granule of granules) this.#inPlace.add(granule);
    };
  }

  /** A flush begins. @returns what to call when it has succeeded */
  flushing(): () => void {
    if (this.#since.size > 0) {
      this.#batches = [...this.#batches, { granules: this.#since, flushes: 0 }];
      this.#since = new Set();
    }
    const seen = this.#batches.map((batch) => ({ batch, flushes: batch.flushes + 1 }));
    return () => {
      // Two that overlap count as one.
      for (const { batch, flushes } of seen) batch.flushes = Math.max(batch.flushes, flushes);
      this.#batches = this.#batches.filter(({ flushes }) => flushes < 2);
    };
  }

  /** The disk ends there: what is cut off takes new clusters when it is written again. */
  cutAt(end: number): void {
    for (const granule of this.#inPlace) if (granule >= end) this.#inPlace.delete(granule);
  }

  /** How many may be cut off, with the tables that map them. Bytes. */
  count(clusterSize: number): number {
    const granules = [...this.#underWay, this.#since, ...this.#batches.map((it) => it.granules)];
    const clusters = new Set<number>();
    for (const granule of granules.flatMap((some) => [...some])) {
      clusters.add(Math.floor((granule * GRANULE) / clusterSize));
    }
    const tables = new Set([...clusters].map((at) => Math.floor(at / (clusterSize / ENTRY))));
    return clusters.size + tables.size;
  }
}
