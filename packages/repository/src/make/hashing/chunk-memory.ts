import { availableParallelism } from 'node:os';
import { MIN_GRANULARITY } from '@tidemark/backup/parts';
import type { Sealer } from '../../crypt/sealer.ts';
import { HashingThread } from './hashing-thread.ts';
import { Offers } from './offers.ts';
import { type SharedOffers, shareOffers } from './shared-offers.ts';

/** Bytes of content: what is read and written together. */
export const CHUNK_SIZE: number = 1024 * 1024;
/** Chunks in memory: what a cold disk needs to be kept busy, and what is written meanwhile. */
export const MAX_CHUNKS = 8;

/** Granules of a chunk. */
const SLOTS: number = CHUNK_SIZE / MIN_GRANULARITY;
/** Chunks do not begin where pages do: see `ioBuffer` of @tidemark/block. */
const OFFSET = 64;
const PAGE = 4096;
/** Bytes to hash that are worth the start of a thread: 35 ms of a processor. */
const WORTH_A_THREAD = 64 * 1024 * 1024;
/** So many are there where nobody knows how many will come. */
const PROMISING = 16 * 1024 * 1024;

/** The memory of chunks, and a second thread that hashes what lies there once there is much of it. */
export class ChunkMemory {
  readonly #shared: SharedOffers;
  readonly #stride: number;
  readonly #offers: Offers;
  readonly #mayStart: boolean;
  #thread: HashingThread | undefined;
  #offered = 0;

  /** `isSlow`: one thread has time enough. */
  constructor(sealer: Sealer, isSlow: boolean) {
    const { overhead } = sealer;
    this.#stride = PAGE + CHUNK_SIZE + SLOTS * overhead;
    this.#shared = shareOffers(MAX_CHUNKS * SLOTS, MAX_CHUNKS * this.#stride);
    this.#offers = new Offers(this.#shared, (content) => sealer.digest(content));
    // Digests of an encrypted repository have a key, which goes nowhere.
    this.#mayStart = !isSlow && overhead === 0 && availableParallelism() > 1;
  }

  /** So many bytes are going to be hashed. */
  expect(bytes: number): void {
    if (bytes >= WORTH_A_THREAD) this.#start();
  }

  #start(): void {
    if (this.#mayStart) this.#thread ??= new HashingThread(this.#shared);
  }

  /** Of one of `MAX_CHUNKS`, which one chunk has at a time. */
  room(number: number): ChunkRoom {
    const from = number * this.#stride + OFFSET;
    const bytes = this.#shared.bytes.subarray(from, (number + 1) * this.#stride);
    const slot = number * SLOTS;
    const offers = this.#offers;
    return {
      bytes,
      offer: (granule, at, length) => {
        offers.offer(slot + granule, from + at, length);
        this.#offered += length;
      },
      publish: () => {
        offers.publish();
        if (this.#offered >= PROMISING) this.#start();
      },
      isHashed: (granule) => this.#thread === undefined || offers.isDone(slot + granule),
      digest: (granule) => offers.take(slot + granule),
    };
  }

  /** Hashes a granule ahead, the last one. @returns false: there is none to hash */
  hashOne(): boolean {
    return this.#thread !== undefined && this.#offers.hashOne();
  }

  async close(): Promise<void> {
    await this.#thread?.close();
  }
}

/** Memory of a chunk, of whose granules the digests may be known when they are needed. */
export interface ChunkRoom {
  readonly bytes: Uint8Array;
  /** `at`: in `bytes`. Its content must not change before its digest is asked for. */
  offer(granule: number, at: number, length: number): void;
  /** Behind offers. */
  publish(): void;
  /** Nothing is to be won by waiting. */
  isHashed(granule: number): boolean;
  /** Once for each offer. */
  digest(granule: number): Uint8Array;
}
