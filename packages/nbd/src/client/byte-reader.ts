import type { Socket } from 'node:net';

/** Bytes that may wait here before the socket is paused. */
const MAX_WAITING = 1024 * 1024;

interface Wanted {
  readonly target: Uint8Array;
  filled: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** What a socket receives, taken in pieces of a known length. One call at a time. */
export class ByteReader {
  readonly #socket: Socket;
  readonly #chunks: Uint8Array[] = [];
  #waiting = 0;
  #wanted: Wanted | undefined;
  #end: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', this.#onData);
  }

  /** Whether all that has come is taken. */
  get isEmpty(): boolean {
    return this.#waiting === 0;
  }

  /** Somebody else reads the socket from now on. */
  detach(): void {
    this.#socket.off('data', this.#onData);
  }

  /** Fills `target` whole, straight from what arrives. @throws what `end` was called with */
  readInto(target: Uint8Array): Promise<void> {
    const filled = this.#takeWaiting(target);
    if (filled === target.length) return Promise.resolve();
    if (this.#end !== undefined) return Promise.reject(this.#end);
    return new Promise((resolve, reject) => {
      this.#wanted = { target, filled, resolve, reject };
    });
  }

  /** The caller has limited `length`. @throws as `readInto` */
  async take(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    await this.readInto(bytes);
    return bytes;
  }

  /** Passes over bytes without keeping them. @throws as `readInto` */
  async skip(length: number): Promise<void> {
    const scratch = new Uint8Array(Math.min(length, 65_536));
    for (let left = length; left > 0; left -= Math.min(left, scratch.length)) {
      await this.readInto(scratch.subarray(0, left));
    }
  }

  /** Nothing more will come; what came before can still be taken. The first reason stays. */
  end(reason: Error): void {
    this.#end ??= reason;
    this.#wanted?.reject(this.#end);
    this.#wanted = undefined;
  }

  readonly #onData = (chunk: Uint8Array): void => this.#receive(chunk);

  #receive(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#waiting += chunk.length;
    const wanted = this.#wanted;
    if (wanted !== undefined) {
      wanted.filled += this.#takeWaiting(wanted.target.subarray(wanted.filled));
      if (wanted.filled === wanted.target.length) {
        this.#wanted = undefined;
        wanted.resolve();
      }
    }
    if (this.#waiting > MAX_WAITING) this.#socket.pause();
  }

  #takeWaiting(target: Uint8Array): number {
    let filled = 0;
    while (filled < target.length && this.#chunks.length > 0) {
      const chunk = this.#chunks[0]!;
      const part = chunk.subarray(0, target.length - filled);
      target.set(part, filled);
      filled += part.length;
      if (part.length === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(part.length);
    }
    this.#waiting -= filled;
    if (this.#waiting <= MAX_WAITING && this.#socket.isPaused()) this.#socket.resume();
    return filled;
  }
}
