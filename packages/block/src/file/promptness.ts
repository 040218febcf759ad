/** Milliseconds that a read takes at most which waits for nothing, on a processor of its own. */
const PROMPT_READ_MS = 0.06;
/**
 * The same of a write. It goes to the cache whatever is there; where the system makes it wait it
 * does so for milliseconds, and below that another thread would cost more than the wait.
 */
export const PROMPT_WRITE_MS = 0.5;
/** Milliseconds from which on it has waited for a disk; below, perhaps for its turn on a busy machine. */
const WAITED_MS = 1;
/** Bytes that are copied in a millisecond, at least. */
const BYTES_PER_MS = 1e6;
/** Calls within which a second slow one is no chance any more. */
const SUSPICIOUS = 8;
/** Calls that go another way after one that was not prompt, at first and at most. */
const MIN_DETOUR = 16;
const MAX_DETOUR = 1024;

/**
 * Whether a system call is likely to wait for nothing. One that waits keeps the whole process
 * waiting, so after one that took long, or two that were slow, the next ones go to other threads;
 * then one is tried again.
 */
export class Promptness {
  readonly #promptMs: number;
  #detour = 0;
  #nextDetour = MIN_DETOUR;
  /** Calls for which a slow one still counts. */
  #suspicion = 0;

  /** Milliseconds that a call takes at most which waits for nothing. */
  constructor(promptMs: number = PROMPT_READ_MS) {
    this.#promptMs = promptMs;
  }

  /** Whether to call now. */
  isLikely(): boolean {
    if (this.#detour === 0) return true;
    this.#detour -= 1;
    return false;
  }

  /** A call has moved `bytes`, and took `ms` milliseconds. */
  took(ms: number, bytes: number): void {
    const over = ms - bytes / BYTES_PER_MS;
    if (over <= this.#promptMs) {
      if (this.#suspicion > 0) this.#suspicion -= 1;
      this.#nextDetour = MIN_DETOUR;
      return;
    }
    const isChance = over <= WAITED_MS && this.#suspicion === 0 && this.#nextDetour === MIN_DETOUR;
    this.#suspicion = SUSPICIOUS;
    if (isChance) return;
    this.#detour = this.#nextDetour;
    this.#nextDetour = Math.min(MAX_DETOUR, this.#nextDetour * 2);
  }
}
