/** Fragments beyond this are forgotten, all of them: to remember is to pay off, not to grow. */
const MAX_RUNS = 256;

interface Run {
  readonly start: number;
  readonly end: number;
}

/**
 * Where a disk is known to hold data, so that a large read of it does not ask for holes again: some
 * file systems go through a whole file for each answer. Old knowledge does no harm, for zeros may
 * be sent as data.
 */
export class KnownData {
  /** Without overlap, in no order. */
  #runs: Run[] = [];

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

  /** After something was discarded or zeroed: holes are worth to be found again. */
  forget(): void {
    this.#runs = [];
  }
}
