/** Milliseconds that a system call takes at most which waits for nothing. */
const PROMPT_MS = 0.06;
/** Bytes that are copied in a millisecond, at least. */
const BYTES_PER_MS = 1e6;
/** Calls that go another way after one that was not prompt, at first and at most. */
const MIN_DETOUR = 16;
const MAX_DETOUR = 1024;

/**
 * Whether a system call is likely to wait for nothing. One that waits keeps the whole process
 * waiting, so after one that took long the next ones go to other threads; then one is tried again.
 */
export class Promptness {
  #detour = 0;
  #nextDetour = MIN_DETOUR;

  /** Whether to call now. */
  isLikely(): boolean {
    if (this.#detour === 0) return true;
    this.#detour -= 1;
    return false;
  }

  /** A call has moved `bytes`, and took `ms` milliseconds. */
  took(ms: number, bytes: number): void {
    if (ms <= PROMPT_MS + bytes / BYTES_PER_MS) {
      this.#nextDetour = MIN_DETOUR;
      return;
    }
    this.#detour = this.#nextDetour;
    this.#nextDetour = Math.min(MAX_DETOUR, this.#nextDetour * 2);
  }
}
