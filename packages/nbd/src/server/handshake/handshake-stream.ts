import type { Socket } from 'node:net';
import { TidemarkError } from '@tidemark/core';
import type { ServerTls } from '../../tls/server-tls.ts';
import type { BufferPool } from '../buffer-pool.ts';
import { Inbox } from '../inbox.ts';
import { withOwnMemory } from '../own-memory.ts';

/** A conversation of turns: as many bytes as the protocol says, then an answer. */
export class HandshakeStream {
  readonly #pool: BufferPool;
  #socket: Socket;
  #inbox: Inbox;
  #isSecured = false;

  /** `socket`: it has read nothing yet. `maySecure`: whether it may go on encrypted. */
  constructor(socket: Socket, pool: BufferPool, { maySecure }: { readonly maySecure: boolean }) {
    this.#pool = pool;
    this.#socket = maySecure ? socket : withOwnMemory(socket, pool, () => this.#inbox);
    this.#inbox = new Inbox(this.#socket, pool);
    // A broken connection closes; there is nobody to tell.
    this.#socket.on('error', () => {});
  }

  /** What carries the conversation now. */
  get socket(): Socket {
    return this.#socket;
  }

  get inbox(): Inbox {
    return this.#inbox;
  }

  /** Whether nobody else can read it. */
  get isSecured(): boolean {
    return this.#isSecured;
  }

  /**
   * Goes on encrypted. What came before the client was told to begin was sent by who knows whom, and
   * is never taken for something that came encrypted. @throws as `ServerTls.secure`
   */
  async secure(tls: ServerTls): Promise<void> {
    if (!this.#inbox.isEmpty) throw tooEarly();
    this.#inbox.detach();
    const { socket } = await tls.secure(this.#socket);
    this.#socket = socket;
    this.#inbox = new Inbox(socket, this.#pool);
    this.#isSecured = true;
  }

  /** @throws CONNECTION_LOST: the client left */
  async read(length: number): Promise<Buffer> {
    for (;;) {
      const bytes = this.#inbox.take(length);
      if (bytes !== undefined) return bytes;
      if (this.#inbox.hasEnded) throw connectionLost();
      await this.#arrival();
    }
  }

  /** Resolves when the system has the bytes: a client that does not read gets no more. */
  async send(bytes: Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.write(bytes, (error) => (error ? reject(connectionLost(error)) : resolve()));
    });
  }

  async #arrival(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#inbox.onChange = resolve;
    this.#inbox.resume();
    await promise;
    this.#inbox.pause();
  }
}

function tooEarly(): TidemarkError {
  return new TidemarkError('PROTOCOL_ERROR', 'a client went on before TLS had begun');
}

function connectionLost(cause?: unknown): TidemarkError {
  return new TidemarkError('CONNECTION_LOST', 'the client left during the handshake', {}, cause);
}
