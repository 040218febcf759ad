import type { Socket } from 'node:net';
import type { BufferPool } from './buffer-pool.ts';

/**
 * What a client has sent and nobody has taken yet: a list of chunks as they came. What lies within
 * one chunk is handed out without a copy, what spans several is copied once.
 */
export class Inbox {
  readonly #socket: Socket;
  readonly #pool: BufferPool;
  #chunks: Buffer[] = [];
  /** Bytes of the first chunk that are taken. */
  #at = 0;
  #length = 0;
  #hasEnded = false;
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
    this.#socket.resume();
  }

  /** The client has to wait, once what the system holds for it is full. */
  pause(): void {
    this.#socket.pause();
  }

  /** Exactly `length` bytes, perhaps of the pool, or undefined as long as they are not here. */
  take(length: number): Buffer | undefined {
    if (length > this.#length) return undefined;
    this.#length -= length;
    const chunk = this.#chunks[0];
    if (chunk === undefined || length > chunk.length - this.#at) return this.#gather(length);
    const bytes = chunk.subarray(this.#at, this.#at + length);
    this.#advance(length);
    return bytes;
  }

  /** Drops what is here and what comes. */
  discardAll(): void {
    this.#chunks = [];
    this.#length = 0;
    this.#push = () => {};
    this.#onChange = () => {};
    this.#socket.resume();
  }

  /** Whether all that has come is taken. */
  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Somebody else reads the socket from now on. */
  detach(): void {
    this.#socket.off('data', this.#onData);
    this.#socket.off('end', this.#onEnd);
    this.#socket.off('close', this.#onEnd);
  }

  readonly #onData = (chunk: Buffer): void => this.#push(chunk);
  readonly #onEnd = (): void => this.#end();

  #push = (chunk: Buffer): void => {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    this.#onChange();
  };

  #end(): void {
    this.#hasEnded = true;
    this.#onChange();
  }

  #gather(length: number): Buffer {
    const bytes = this.#pool.take(length);
    for (let done = 0; done < length;) {
      const chunk = this.#chunks[0]!;
      const part = Math.min(length - done, chunk.length - this.#at);
      chunk.copy(bytes, done, this.#at, this.#at + part);
      this.#advance(part);
      done += part;
    }
    return bytes;
  }

  #advance(bytes: number): void {
    this.#at += bytes;
    if (this.#at < this.#chunks[0]!.length) return;
    this.#at = 0;
    this.#chunks.shift();
  }
}
