import type { SnapshotRange, SnapshotRanges, SnapshotSource } from '@tidemark/csi-metadata';

/** Snapshots and what lets go of them. */
export interface OpenSource {
  readonly points: SnapshotSource;
  close(): Promise<void>;
}

/** Snapshots that can be closed as soon as nobody reads from them any more. */
export class SharedSnapshots {
  readonly #open: OpenSource;
  readonly #unused = Promise.withResolvers<void>();
  #users = 0;
  #isEnding = false;

  constructor(open: OpenSource) {
    this.#open = open;
  }

  /** The ranges that `find` gives are in use while they are read. */
  async use(find: (points: SnapshotSource) => Promise<SnapshotRanges>): Promise<SnapshotRanges> {
    const leave = this.#enter();
    try {
      const ranges = await find(this.#open.points);
      return { size: ranges.size, from: (offset) => this.#whileRead(ranges.from(offset)) };
    } finally {
      // Whoever is given them begins to read before anybody else has a turn, or never does.
      setImmediate(leave);
    }
  }

  /** Resolves when it is closed, which waits for those who read. Nobody may begin to. */
  async closeUnused(): Promise<void> {
    this.#isEnding = true;
    if (this.#users > 0) await this.#unused.promise;
    await this.close();
  }

  /** Those who read fail. */
  async close(): Promise<void> {
    await this.#open.close();
  }

  async *#whileRead(ranges: AsyncIterable<SnapshotRange>): AsyncGenerator<SnapshotRange> {
    const leave = this.#enter();
    try {
      yield* ranges;
    } finally {
      leave();
    }
  }

  #enter(): () => void {
    this.#users += 1;
    return () => {
      this.#users -= 1;
      if (this.#users === 0 && this.#isEnding) this.#unused.resolve();
    };
  }
}
