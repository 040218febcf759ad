interface Sample {
  /** Milliseconds. */
  readonly at: number;
  readonly value: number;
}

/** Milliseconds that a rate is about. */
const SPAN = 2000;

/** How fast a count grows. */
export class Rate {
  #samples: readonly Sample[] = [];

  /** To be called about once a second. `at`: milliseconds. */
  sample(value: number, at: number): void {
    const kept = this.#samples.filter((each) => at - each.at <= SPAN + 500 && each.value <= value);
    this.#samples = [...kept, { at, value }];
  }

  get perSecond(): number {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.at <= first.at) return 0;
    return Math.round(((last.value - first.value) * 1000) / (last.at - first.at));
  }
}
