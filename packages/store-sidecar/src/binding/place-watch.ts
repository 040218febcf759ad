import type { Notices } from './notices.ts';

/** Whether the sidecar is still the file that its path leads to; who opens it next finds another. */
export class PlaceWatch {
  readonly #isReplaced: () => Promise<boolean>;
  readonly #notices: Notices;
  #isTold = false;

  constructor(isReplaced: () => Promise<boolean>, notices: Notices) {
    this.#isReplaced = isReplaced;
    this.#notices = notices;
  }

  /** Tells of it once. @returns whether another file has its place. @throws I/O codes */
  async look(): Promise<boolean> {
    const isReplaced = await this.#isReplaced();
    if (isReplaced && !this.#isTold) this.#notices.replaced();
    this.#isTold ||= isReplaced;
    return isReplaced;
  }
}
