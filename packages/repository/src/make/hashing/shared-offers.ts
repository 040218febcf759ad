import { DIGEST_SIZE } from '../../format/limits.ts';

/** Of a slot: where its content lies, its length, and its state. */
export const WORDS = 3;

/** Nobody has come to it. */
export const OPEN = 0;
/** The other thread, and it alone, has set this state (1), and in place of that the one after it. */
export const DONE = 2;
/** This thread has hashed it, or does. */
export const OWN = 3;

/** Words that both threads change: `Atomics`, or what a test puts in its place. */
export interface Words {
  load(words: Int32Array, at: number): number;
  store(words: Int32Array, at: number, value: number): number;
  exchange(words: Int32Array, at: number, value: number): number;
  compareExchange(words: Int32Array, at: number, expected: number, value: number): number;
}

/** What both threads see. */
export interface SharedOffers {
  /** How many offers there were, as 32 bits with a sign. */
  readonly made: Int32Array<SharedArrayBuffer>;
  /** Slots, in the order in which they were offered: a ring. Only a hint: their states say what is true. */
  readonly queue: Int32Array<SharedArrayBuffer>;
  /** `WORDS` of each slot. */
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly digests: Uint8Array<SharedArrayBuffer>;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
}

/** `slots`: a power of two. */
export function shareOffers(slots: number, bytes: number): SharedOffers {
  const words = (count: number) => new Int32Array(new SharedArrayBuffer(count * 4));
  return {
    made: words(1),
    queue: words(slots),
    words: words(slots * WORDS),
    digests: new Uint8Array(new SharedArrayBuffer(slots * DIGEST_SIZE)),
    bytes: new Uint8Array(new SharedArrayBuffer(bytes)),
  };
}

/**
 * What the other thread does: by its text, so it sees nothing from outside. It yields wherever this thread may come
 * in between; with a number where there is nothing to do while `made` is that.
 */
export function* hashOffers(
  { made, queue, words, digests, bytes }: SharedOffers,
  digest: (content: Uint8Array) => Uint8Array,
): Generator<number | undefined, never> {
  for (let next = 0; ; next = (next + 1) | 0) {
    while (Atomics.load(made, 0) === next) yield next;
    yield;
    const slot = Atomics.load(queue, next & (queue.length - 1));
    yield;
    if (Atomics.compareExchange(words, slot * 3 + 2, 0, 1) !== 0) continue;
    yield;
    const at = Atomics.load(words, slot * 3);
    yield;
    const content = bytes.subarray(at, at + Atomics.load(words, slot * 3 + 1));
    yield;
    const found = digest(content);
    yield;
    digests.set(found, slot * 32);
    yield;
    Atomics.compareExchange(words, slot * 3 + 2, 1, 2);
  }
}
