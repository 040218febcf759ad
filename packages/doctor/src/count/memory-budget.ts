import { TidemarkError } from '@tidemark/core';

/** What a check may hold in memory, so that a hostile image cannot take all of it. Bytes. */
export class MemoryBudget {
  readonly #limit: number;
  #taken = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws IMAGE_UNSUPPORTED: that is more than the limit */
  take(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken <= this.#limit) return;
    throw new TidemarkError(
      'IMAGE_UNSUPPORTED',
      `checking this image takes more memory than the ${this.#limit} bytes that are allowed`,
      { hint: 'raise the limit, if you trust the image' },
    );
  }

  give(bytes: number): void {
    this.#taken -= bytes;
  }
}
