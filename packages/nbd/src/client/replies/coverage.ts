/** Runs that may lie apart: more is a server that sends single bytes to cost us time. */
const MAX_RUNS = 65_536;

/** Which bytes of a read have come, in whatever order. */
export class Coverage {
  readonly #length: number;
  // Runs in order, none touching the next.
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  constructor(length: number) {
    this.#length = length;
  }

  /** False: not inside, empty, or in part there already. */
  add(start: number, length: number): boolean {
    const end = start + length;
    if (!(start >= 0 && length > 0 && end <= this.#length)) return false;
    const index = this.#firstAfter(start);
    const touchesBefore = index > 0 && this.#ends[index - 1]! >= start;
    if (touchesBefore && this.#ends[index - 1]! > start) return false;
    const touchesNext = index < this.#starts.length && this.#starts[index]! <= end;
    if (touchesNext && this.#starts[index]! < end) return false;
    if (touchesBefore && touchesNext) {
      this.#ends.splice(index - 1, 1);
      this.#starts.splice(index, 1);
    } else if (touchesBefore) this.#ends[index - 1] = end;
    else if (touchesNext) this.#starts[index] = start;
    else {
      this.#starts.splice(index, 0, start);
      this.#ends.splice(index, 0, end);
    }
    return this.#starts.length <= MAX_RUNS;
  }

  get isComplete(): boolean {
    return this.#starts.length === 1 && this.#starts[0] === 0 && this.#ends[0] === this.#length;
  }

  /** Index of the first run that begins after `at`. Runs mostly come in order: the end is near. */
  #firstAfter(at: number): number {
    let low = 0;
    let high = this.#starts.length;
    if (high > 0 && this.#starts[high - 1]! <= at) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle]! <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
