/** The last minute of a rate, a value a second, the newest last. */
export class RateHistory {
  readonly #values: number[] = [];
  readonly #length: number;

  constructor(length = 60) {
    this.#length = length;
  }

  push(value: number): void {
    this.#values.push(value);
    if (this.#values.length > this.#length) this.#values.shift();
  }

  get values(): readonly number[] {
    return this.#values;
  }

  get peak(): number {
    return this.#values.reduce((most, value) => Math.max(most, value), 0);
  }
}

/**
 * Points of a line in a box of `width` by `height`, the newest at the right end; the highest value
 * reaches the top, nothing lies at the bottom.
 */
export function sparkline(
  { values, peak }: Pick<RateHistory, 'values' | 'peak'>,
  length: number,
  width: number,
  height: number,
): [number, number][] {
  const step = width / Math.max(1, length - 1);
  const first = width - step * (values.length - 1);
  const scale = peak > 0 ? height / peak : 0;
  return values.map((value, index) => [first + index * step, height - value * scale]);
}
