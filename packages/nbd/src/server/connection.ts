import type { Socket } from 'node:net';
import { isTidemarkError } from '@tidemark/core';
import type { ServerTls } from '../tls/server-tls.ts';
import { shakeHands } from './handshake/handshake.ts';
import { HandshakeStream } from './handshake/handshake-stream.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { Limits } from './limits.ts';
import type { ServedExport } from './served-export.ts';
import { Transmission } from './transmission/transmission.ts';

/** Milliseconds that a client has to take its last replies, and to hang up after us. */
const FAREWELL_MS = 2000;

/** What becomes of a client. Ids begin at 1 in each server. */
export interface ClientEvent {
  readonly id: number;
  readonly what: 'came' | 'entered' | 'left';
  /** The name of the export that it has chosen. */
  readonly export?: string;
}

export interface ConnectionOptions {
  readonly id: number;
  readonly socket: Socket;
  readonly exports: readonly ServedExport[];
  readonly pool: BufferPool;
  readonly limits: Limits;
  readonly tls: ServerTls | undefined;
  readonly log: (message: string, about: { readonly client: number }) => void;
  readonly onClient: (event: ClientEvent) => void;
}

/** One client, from greeting to farewell. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #stream: HandshakeStream;
  readonly #ended: Promise<void>;
  #transmission: Transmission | undefined;
  #exported: ServedExport | undefined;
  #isClosing = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { socket, pool, tls } = options;
    this.#stream = new HandshakeStream(socket, pool, { maySecure: tls !== undefined });
    this.#ended = this.#run();
  }

  /** Whether the client has chosen an export. */
  get hasEntered(): boolean {
    return this.#transmission !== undefined;
  }

  /** Resolves when the socket is closed and the device has done all that was asked. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Whether its client has chosen that export. */
  uses(exported: ServedExport): boolean {
    return this.#exported === exported;
  }

  /** Takes no more requests, answers those under way and hangs up. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#transmission === undefined) this.#stream.socket.destroy();
    else this.#transmission.stop();
    await this.#ended;
  }

  /** Hangs up at once: what is under way is not answered. */
  async cut(): Promise<void> {
    this.#stream.socket.destroy();
    await this.close();
  }

  async #run(): Promise<void> {
    const { id, pool, limits, exports, onClient } = this.#options;
    const log = (message: string) => this.#options.log(message, { client: id });
    onClient({ id, what: 'came' });
    try {
      const session = await this.#shakeHands();
      // It may have been taken away while the client was told that it is there.
      const isThere = session !== undefined && exports.includes(session.exported);
      if (isThere && !this.#isClosing) {
        this.#exported = session.exported;
        onClient({ id, what: 'entered', export: session.exported.name });
        const { socket, inbox } = this.#stream;
        this.#transmission = new Transmission({ socket, inbox, pool, session, limits, log });
        await this.#transmission.worked;
      }
    } catch (error) {
      // That a client just leaves is its right.
      if (!isTidemarkError(error, 'CONNECTION_LOST')) log(`a client is cut off: ${String(error)}`);
    }
    await this.#sayFarewell();
    onClient({ id, what: 'left' });
  }

  async #shakeHands(): ReturnType<typeof shakeHands> {
    const { exports, tls, limits } = this.#options;
    const timer = setTimeout(() => this.#stream.socket.destroy(), limits.handshake).unref();
    try {
      return await shakeHands(this.#stream, exports, tls);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The client sees our end and hangs up; one that does not is hung up on. */
  async #sayFarewell(): Promise<void> {
    const { socket, inbox } = this.#stream;
    const closed = new Promise<void>((resolve) => {
      if (socket.closed) resolve();
      else socket.once('close', () => resolve());
    });
    // Keeps the process, too: who waits for the end has more to do then.
    const timer = setTimeout(() => socket.destroy(), FAREWELL_MS);
    await this.#transmission?.answered;
    inbox.discardAll();
    socket.end();
    await closed;
    clearTimeout(timer);
  }
}
