import type { Socket } from 'node:net';
import type { BufferPool } from './buffer-pool.ts';
import { Filling, MAX_BELIEVED } from './filling.ts';

/** More than this is not kept in a row, but received where it is going to stay. Bytes. */
const MAX_REST = 16 * 1024;
const NOTHING = Buffer.alloc(0);

/**
 * What a client has sent and nobody has taken yet, in a row. Where the socket receives into memory
 * that all connections share, what is not taken in the same tick is copied; what is long is
 * received into memory of its own.
 */
export class Inbox {
  readonly #socket: Socket;
  readonly #pool: BufferPool;
  /** What has come: the bytes of it from `#at` to `#end`. */
  #bytes: Buffer = NOTHING;
  #at = 0;
  #end = 0;
  #filling: Filling | undefined;
  /** The longest that has come so far, within reason. Bytes. */
  #believed = 0;
  #isFlowing = false;
  #hasEnded = false;
  #isDiscarding = false;
  #onChange: () => void = () => {};

  constructor(socket: Socket, pool: BufferPool) {
    this.#socket = socket;
    this.#pool = pool;
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onEnd);
    socket.pause();
  }

  /** Nothing comes behind what is here. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Called when bytes came or the client went. */
  set onChange(listener: () => void) {
    this.#onChange = listener;
  }

  /** Lets more come; `onChange` tells when. */
  resume(): void {
    if (this.#isFlowing) return;
    this.#isFlowing = true;
    this.#socket.resume();
  }

  /** The client has to wait, once what the system holds for it is full; not to hang up, though. */
  pause(): void {
    if (!this.#isFlowing || this.#isDiscarding) return;
    this.#isFlowing = false;
    this.#socket.pause();
  }

  /**
   * Exactly `length` bytes, perhaps of the pool, or undefined as long as they are not here. Ask for
   * the same length until they are. They are good for this tick: see `kept`.
   */
  take(length: number): Buffer | undefined {
    if (this.#filling !== undefined) return this.#filled(this.#filling);
    const at = this.#at;
    if (length <= this.#end - at) {
      this.#at += length;
      return this.#bytes.subarray(at, at + length);
    }
    if (length > MAX_REST) this.#fill(length);
    return undefined;
  }

  /** What `take` gave, good for longer. */
  kept(bytes: Uint8Array): Uint8Array {
    if (bytes.buffer !== this.#pool.arrivals.buffer) return bytes;
    const copy = this.#pool.take(bytes.length);
    copy.set(bytes);
    return copy;
  }

  /** Drops what is here and what comes. */
  discardAll(): void {
    this.#isDiscarding = true;
    this.#filling = undefined;
    this.#onChange = () => {};
    this.#setRow(NOTHING);
    this.resume();
  }

  /** Whether all that has come is taken. */
  get isEmpty(): boolean {
    return this.#at === this.#end && this.#filling === undefined;
  }

  /** Somebody else reads the socket from now on. */
  detach(): void {
    this.#socket.off('data', this.#onData);
    this.#socket.off('end', this.#onEnd);
    this.#socket.off('close', this.#onEnd);
  }

  /** Where the next bytes are to be received to, if not where all are. */
  get target(): Buffer | undefined {
    // None of what is whole, and waits to be taken.
    return this.#filling?.whole === undefined ? this.#filling?.target : undefined;
  }

  /**
   * `count` bytes have come to the beginning of `to`: the target, or room for arrivals.
   * @returns whether more may come
   */
  received(to: Uint8Array, count: number): boolean {
    if (!this.#isDiscarding) this.#receive(to, count);
    return this.#isFlowing;
  }

  #receive(to: Uint8Array, count: number): void {
    const { arrivals, arrivalsAt } = this.#pool;
    const filling = this.#filling;
    if (filling?.owns(to)) {
      filling.advance(count);
    } else {
      const used = filling?.add(arrivals, arrivalsAt, count) ?? 0;
      this.#follow(arrivals, arrivalsAt + used, arrivalsAt + count);
    }
    this.#onChange();
    if (this.#bytes !== arrivals) return;
    // Others receive there next.
    this.#setRow(this.#at < this.#end ? Buffer.from(this.#rest()) : NOTHING);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isDiscarding) return;
    const used = this.#filling?.add(chunk, 0, chunk.length) ?? 0;
    this.#follow(chunk, used, chunk.length);
    this.#onChange();
  };

  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    this.#onChange();
  };

  /** Bytes of `source` come behind what is here. */
  #follow(source: Buffer, at: number, end: number): void {
    const kept = this.#end - this.#at;
    let begin = at;
    if (kept > 0) {
      if (source !== this.#pool.arrivals || kept > at) {
        this.#setRow(Buffer.concat([this.#rest(), source.subarray(at, end)]));
        return;
      }
      // There is room before it, for just that.
      begin -= kept;
      this.#bytes.copy(source, begin, this.#at, this.#end);
    }
    this.#bytes = source;
    this.#at = begin;
    this.#end = end;
  }

  #fill(length: number): void {
    const have = this.#end - this.#at;
    this.#filling = new Filling(this.#pool, length, have, this.#believed);
    this.#filling.add(this.#bytes, this.#at, have);
    this.#setRow(NOTHING);
  }

  #filled({ whole }: Filling): Buffer | undefined {
    if (whole === undefined) return undefined;
    this.#filling = undefined;
    this.#believed = Math.max(this.#believed, Math.min(whole.length, MAX_BELIEVED));
    return whole;
  }

  #rest(): Buffer {
    return this.#bytes.subarray(this.#at, this.#end);
  }

  #setRow(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#at = 0;
    this.#end = bytes.length;
  }
}
