/** Fragments beyond this are forgotten, all of them: to remember is to pay off, not to grow. */
const MAX_RUNS = 256;

interface Run {
  readonly start: number;
  readonly end: number;
}

interface Search extends Run {
  readonly ended: Promise<void>;
}

/**
 * Where a disk is known to hold data, so that a large read of it does not ask for holes again: some
 * file systems go through a whole file for each answer. Old knowledge does no harm, for zeros may
 * be sent as data.
 */
export class KnownData {
  /** Without overlap, in no order. */
  #runs: Run[] = [];
  readonly #searches = new Set<Search>();

  covers(offset: number, length: number): boolean {
    return this.#runs.some(({ start, end }) => start <= offset && offset + length <= end);
  }

  add(offset: number, length: number): void {
    let start = offset;
    let end = offset + length;
    const touches = (run: Run) => run.start <= end && run.end >= start;
    const others = this.#runs.filter((run) => !touches(run));
    for (const run of this.#runs.filter(touches)) {
      start = Math.min(start, run.start);
      end = Math.max(end, run.end);
    }
    this.#runs = others.length < MAX_RUNS ? [...others, { start, end }] : [{ start, end }];
  }

  /**
   * A search for data is under way there: whoever reads many parts of it at once waits for one
   * answer, in place of an own for each. Undefined: there is none. Never rejects.
   */
  searchOf(offset: number, length: number): Promise<void> | undefined {
    for (const { start, end, ended } of this.#searches) {
      if (start <= offset && offset + length <= end) return ended;
    }
    return undefined;
  }

  /** Others may wait for what is found there. @returns what is to be called once it has ended */
  beginSearch(offset: number, length: number): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    const search = { start: offset, end: offset + length, ended: promise };
    this.#searches.add(search);
    return () => {
      this.#searches.delete(search);
      resolve();
    };
  }

  /** After something was discarded or zeroed: holes are worth to be found again. */
  forget(): void {
    this.#runs = [];
  }
}
