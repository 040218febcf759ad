import { setImmediate } from 'node:timers/promises';

/** Milliseconds for which others wait. */
const SLICE = 4;

/** Lets others have their turn in long work. */
export class Slices {
  #began = performance.now();

  /** Whether it is time to `rest`. */
  get isOver(): boolean {
    return performance.now() - this.#began >= SLICE;
  }

  async rest(): Promise<void> {
    await setImmediate();
    this.#began = performance.now();
  }
}
