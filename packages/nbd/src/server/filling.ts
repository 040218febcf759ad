import type { BufferPool } from './buffer-pool.ts';

/** Set aside for whoever announces more. Bytes. */
const FIRST = 128 * 1024;
/** Who has sent as much is believed. */
const EARNEST = 64 * 1024;
/** As much as that, or twice what has come. */
const NEXT = 2 * 1024 * 1024;
/** Who has sent something long is believed that he sends as much again, up to here. Bytes. */
export const MAX_BELIEVED: number = NEXT;

/** Something long that a client has announced, and of which a part has come. */
export class Filling {
  readonly #pool: BufferPool;
  readonly #length: number;
  #bytes: Buffer;
  #done = 0;

  /**
   * `have`: bytes of it that are here to be added. `believed`: so many are set aside without proof,
   * in place of being copied once half of them has come.
   */
  constructor(pool: BufferPool, length: number, have: number, believed = 0) {
    this.#pool = pool;
    this.#length = length;
    this.#bytes = pool.take(length <= believed ? length : roomFor(length, have));
  }

  /** All of it, once it is here. */
  get whole(): Buffer | undefined {
    return this.#done === this.#length ? this.#bytes : undefined;
  }

  /** Where it goes on. */
  get target(): Buffer {
    return this.#bytes.subarray(this.#done);
  }

  /** Whether these bytes are the target, or were. */
  owns(bytes: Uint8Array): boolean {
    return bytes.buffer === this.#bytes.buffer;
  }

  /** So many bytes have come to the target. */
  advance(count: number): void {
    this.#done += count;
    if (this.#done === this.#bytes.length && this.#done < this.#length) this.#grow();
  }

  /** @returns how many of the `count` bytes of `source` were missing */
  add(source: Buffer, at: number, count: number): number {
    let used = 0;
    while (used < count && this.#done < this.#length) {
      const part = Math.min(count - used, this.#bytes.length - this.#done);
      source.copy(this.#bytes, this.#done, at + used, at + used + part);
      used += part;
      this.advance(part);
    }
    return used;
  }

  #grow(): void {
    const before = this.#bytes;
    this.#bytes = this.#pool.take(roomFor(this.#length, this.#done));
    before.copy(this.#bytes);
    this.#pool.release(before);
  }
}

function roomFor(length: number, have: number): number {
  if (length <= FIRST) return length;
  return have < EARNEST ? FIRST : Math.min(length, Math.max(NEXT, have * 2));
}
