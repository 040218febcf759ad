import type { Socket } from 'node:net';
import { TidemarkError } from '@tidemark/core';
import type { Inbox } from '../inbox.ts';

/** A conversation of turns: as many bytes as the protocol says, then an answer. */
export class HandshakeStream {
  readonly #socket: Socket;
  readonly #inbox: Inbox;

  constructor(socket: Socket, inbox: Inbox) {
    this.#socket = socket;
    this.#inbox = inbox;
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

function connectionLost(cause?: unknown): TidemarkError {
  return new TidemarkError('CONNECTION_LOST', 'the client left during the handshake', {}, cause);
}
