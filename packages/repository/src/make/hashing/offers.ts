import { DIGEST_SIZE } from '../../format/limits.ts';
import { DONE, OPEN, OWN, type SharedOffers, type Words, WORDS } from './shared-offers.ts';

export type Digest = (content: Uint8Array) => Uint8Array;

/**
 * Granules that another thread hashes, from the first one on, where it comes to them before this one does. Nobody
 * waits: what that thread has begun, and not ended, when its digest is needed is hashed here as well. So it may start
 * late, be slow, or end at any moment. A digest of its counts only where it has taken the granule since it was offered, and
 * nobody has since: memory may be filled anew while it is hashed.
 */
export class Offers {
  readonly #shared: SharedOffers;
  readonly #digest: Digest;
  readonly #atomics: Words;
  /** What was hashed here ahead, by slot. */
  readonly #own: (Uint8Array | undefined)[] = [];
  #made = 0;
  /** Offers whose digest was not taken. */
  #waiting = 0;
  /** Behind it there is nothing left to hash ahead. */
  #below = 0;

  constructor(shared: SharedOffers, digest: Digest, atomics: Words = Atomics) {
    this.#shared = shared;
    this.#digest = digest;
    this.#atomics = atomics;
  }

  /** Content that must not change before its digest is taken. `slot`: of this granule alone until then. */
  offer(slot: number, at: number, length: number): void {
    const { words, queue } = this.#shared;
    this.#own[slot] = undefined;
    this.#atomics.store(words, slot * WORDS, at);
    this.#atomics.store(words, slot * WORDS + 1, length);
    this.#atomics.store(words, slot * WORDS + 2, OPEN);
    this.#atomics.store(queue, this.#made % queue.length, slot);
    this.#made += 1;
    this.#waiting += 1;
  }

  /** The other thread may look at what was offered. */
  publish(): void {
    const { made } = this.#shared;
    this.#below = this.#made;
    this.#atomics.store(made, 0, this.#made | 0);
    Atomics.notify(made, 0);
  }

  /** Nothing is to be won by waiting. */
  isDone(slot: number): boolean {
    const state = this.#atomics.load(this.#shared.words, slot * WORDS + 2);
    return state === DONE || state === OWN;
  }

  /** Hashes ahead what nobody has come to: the last one. @returns false: there is none */
  hashOne(): boolean {
    const { words, queue } = this.#shared;
    const first = Math.max(0, this.#made - Math.min(this.#waiting, queue.length));
    while (this.#below > first) {
      this.#below -= 1;
      const slot = queue[this.#below % queue.length]!;
      if (this.#atomics.compareExchange(words, slot * WORDS + 2, OPEN, OWN) !== OPEN) continue;
      this.#own[slot] = this.#hash(slot);
      return true;
    }
    return false;
  }

  /** Once for each offer. */
  take(slot: number): Uint8Array {
    this.#waiting -= 1;
    const state = this.#atomics.exchange(this.#shared.words, slot * WORDS + 2, OWN);
    if (state === DONE) {
      return this.#shared.digests.slice(slot * DIGEST_SIZE, (slot + 1) * DIGEST_SIZE);
    }
    return this.#own[slot] ?? this.#hash(slot);
  }

  #hash(slot: number): Uint8Array {
    const { words, bytes } = this.#shared;
    const at = words[slot * WORDS]!;
    return this.#digest(bytes.subarray(at, at + words[slot * WORDS + 1]!));
  }
}
