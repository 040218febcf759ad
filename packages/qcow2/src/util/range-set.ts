export interface HostRange {
  readonly offset: number;
  readonly length: number;
}

/** Byte ranges of the image file, to ask whether another range touches any of them. */
export class RangeSet {
  /** Disjoint and ascending. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  constructor(ranges: readonly HostRange[]) {
    for (const { offset, length } of ranges.toSorted((a, b) => a.offset - b.offset)) {
      const last = this.#ends.length - 1;
      if (last >= 0 && offset <= this.#ends[last]!) {
        this.#ends[last] = Math.max(this.#ends[last]!, offset + length);
      } else {
        this.#starts.push(offset);
        this.#ends.push(offset + length);
      }
    }
  }

  touches({ offset, length }: HostRange): boolean {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ends[middle]! <= offset) low = middle + 1;
      else high = middle;
    }
    return low < this.#starts.length && this.#starts[low]! < offset + length;
  }
}
