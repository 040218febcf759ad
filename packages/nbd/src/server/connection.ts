import type { Socket } from 'node:net';
import { isTidemarkError } from '@tidemark/core';
import { HANDSHAKE_TIMEOUT_MS } from '../protocol/limits.ts';
import { shakeHands } from './handshake/handshake.ts';
import { HandshakeStream } from './handshake/handshake-stream.ts';
import { Inbox } from './inbox.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { ServedExport } from './served-export.ts';
import { Transmission } from './transmission/transmission.ts';

/** Milliseconds that a client has to take its last replies, and to hang up after us. */
const FAREWELL_MS = 2000;

export interface ConnectionOptions {
  readonly socket: Socket;
  readonly exports: readonly ServedExport[];
  readonly pool: BufferPool;
  readonly log: (message: string) => void;
}

/** One client, from greeting to farewell. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #inbox: Inbox;
  readonly #ended: Promise<void>;
  #transmission: Transmission | undefined;
  #isClosing = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    // A broken connection closes; there is nobody to tell.
    options.socket.on('error', () => {});
    this.#inbox = new Inbox(options.socket, options.pool);
    this.#ended = this.#run();
  }

  /** Resolves when the socket is closed and the device has done all that was asked. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Takes no more requests, answers those under way and hangs up. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#transmission === undefined) this.#options.socket.destroy();
    else this.#transmission.stop();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { socket, exports, pool, log } = this.#options;
    try {
      const session = await this.#shakeHands(exports);
      if (session !== undefined && !this.#isClosing) {
        this.#transmission = new Transmission({ socket, inbox: this.#inbox, pool, session, log });
        await this.#transmission.worked;
      }
    } catch (error) {
      // That a client just leaves is its right.
      if (!isTidemarkError(error, 'CONNECTION_LOST')) log(`a client is cut off: ${String(error)}`);
    }
    await this.#sayFarewell();
  }

  async #shakeHands(exports: readonly ServedExport[]): ReturnType<typeof shakeHands> {
    const { socket } = this.#options;
    const timer = setTimeout(() => socket.destroy(), HANDSHAKE_TIMEOUT_MS).unref();
    try {
      return await shakeHands(new HandshakeStream(socket, this.#inbox), exports);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The client sees our end and hangs up; one that does not is hung up on. */
  async #sayFarewell(): Promise<void> {
    const { socket } = this.#options;
    const closed = new Promise<void>((resolve) => {
      if (socket.closed) resolve();
      else socket.once('close', () => resolve());
    });
    const timer = setTimeout(() => socket.destroy(), FAREWELL_MS).unref();
    await this.#transmission?.answered;
    this.#inbox.discardAll();
    socket.end();
    await closed;
    clearTimeout(timer);
  }
}
