interface Range {
  readonly offset: number;
  /** Exclusive. */
  readonly end: number;
  readonly over: Promise<void>;
}

/**
 * Keeps reads apart from writes that are made behind their backs: a reader that found nothing in an
 * image, and goes on to its backing file, must not find there what was written since.
 */
export class ReadsUnderWay {
  readonly #reads = new Set<Range>();
  readonly #writes = new Set<Range>();
  #watchers = 0;

  get areWatched(): boolean {
    return this.#watchers > 0;
  }

  /** Reads are watched until the given function is called. */
  watch(): () => void {
    this.#watchers += 1;
    return () => void (this.#watchers -= 1);
  }

  /** Runs a read, after the hidden writes of its range. Bytes. */
  async run(offset: number, length: number, read: () => Promise<void>): Promise<void> {
    if (!this.areWatched) return read();
    const range = { offset, end: offset + length };
    // In one tick with the last look: a write that comes now has to see it.
    for (let wait = waitFor(this.#writes, range); wait; wait = waitFor(this.#writes, range)) {
      await wait;
    }
    await during(this.#reads, range, read);
  }

  /** Runs a write that no read of its range is under way with. */
  async hide(offset: number, length: number, write: () => Promise<void>): Promise<void> {
    const range = { offset, end: offset + length };
    await during(this.#writes, range, async () => {
      for (let wait = waitFor(this.#reads, range); wait; wait = waitFor(this.#reads, range)) {
        await wait;
      }
      await write();
    });
  }
}

async function during(
  ranges: Set<Range>,
  { offset, end }: Omit<Range, 'over'>,
  work: () => Promise<void>,
): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const range = { offset, end, over };
  ranges.add(range);
  try {
    await work();
  } finally {
    ranges.delete(range);
    resolve();
  }
}

/** Undefined: none of them touches the range. */
function waitFor(
  ranges: ReadonlySet<Range>,
  { offset, end }: Omit<Range, 'over'>,
): Promise<void> | undefined {
  for (const range of ranges) if (range.offset < end && offset < range.end) return range.over;
  return undefined;
}
