// A timer of Node's that is set to more ends at once.
const LONGEST = 2 ** 31 - 1;

/** Keeps work to a number of bytes in a second, on the average since it began. */
export class Throttle {
  #speed: number;
  /** Milliseconds of the clock: before it nothing more is to be done. */
  #free = 0;
  #hasEnded = false;
  #wake: () => void = () => {};

  /** `speed`: bytes in a second; 0: no limit. */
  constructor(speed: number) {
    this.#speed = speed;
  }

  get speed(): number {
    return this.#speed;
  }

  /** Holds from now on: who waits by the old speed goes on. */
  setSpeed(speed: number): void {
    this.#speed = speed;
    this.#free = 0;
    this.#wake();
  }

  /** Nobody waits any more. */
  end(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  /** Resolves when so many bytes are allowed for. */
  async after(bytes: number): Promise<void> {
    if (this.#speed === 0 || this.#hasEnded) return;
    const now = performance.now();
    this.#free = Math.max(now, this.#free) + (bytes / this.#speed) * 1000;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.min(this.#free - now, LONGEST));
    const others = this.#wake;
    this.#wake = () => {
      others();
      resolve();
    };
    await promise;
    clearTimeout(timer);
  }
}
