/** Numbers that are the same for a seed, each below what is asked for. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed * 2_654_435_761 + 1) >>> 0;
    for (let i = 0; i < 4; i++) this.below(2);
  }

  /** A whole number from 0 on. */
  below(end: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    this.#state >>>= 0;
    return Math.floor((this.#state / 2 ** 32) * end);
  }

  chance(one: number): boolean {
    return this.below(one) === 0;
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    // Neighbouring sectors differ, and none of them is all zeros.
    const first = 1 + this.below(255);
    for (let at = 0; at < length; at++) bytes[at] = 1 + ((first + at + (at >> 9)) % 255);
    return bytes;
  }
}
