import type { TidemarkError } from '@tidemark/core';
import { MAX_REQUESTS_IN_FLIGHT } from '../protocol/limits.ts';
import { Command } from '../protocol/transmission.ts';
import { encode, encodeExtended, type NbdRequest } from './encode-request.ts';
import { located } from './faults.ts';
import { receiveExtendedReplies } from './replies/receive-extended.ts';
import { receiveReplies } from './replies/receive-replies.ts';
import type { PendingReplies } from './replies/take-chunk.ts';
import type { Reply } from './replies/reply.ts';
import { Slots } from './slots.ts';
import type { Transport } from './transport.ts';

export interface ConnectionOptions {
  readonly label: string;
  readonly hasChunks: boolean;
  readonly isExtended: boolean;
}

/** A connection in its transmission phase: many requests at a time, replies in any order. */
export class Connection {
  readonly label: string;
  readonly #transport: Transport;
  readonly #pending: PendingReplies = new Map();
  readonly #encode: typeof encode;
  readonly #slots = new Slots(MAX_REQUESTS_IN_FLIGHT);
  #nextCookie = 1;
  #failure: TidemarkError | undefined;

  constructor(transport: Transport, { label, hasChunks, isExtended }: ConnectionOptions) {
    this.#transport = transport;
    this.label = label;
    this.#encode = isExtended ? encodeExtended : encode;
    const replies = isExtended
      ? receiveExtendedReplies(transport.reader, this.#pending)
      : receiveReplies(transport.reader, this.#pending, { hasChunks });
    replies.catch((error: unknown) => this.#fail(located(error, label)));
  }

  /** Bytes that have come so far. */
  get received(): number {
    return this.#transport.received;
  }

  /** Why the connection ended, once it has. */
  get failure(): TidemarkError | undefined {
    return this.#failure;
  }

  /**
   * Resolves when the server has done it; waits first while many requests are under way.
   * @throws what the server answered; the failure of the connection
   */
  async request(request: NbdRequest, reply: Reply): Promise<void> {
    await this.#slots.acquire();
    try {
      if (this.#failure !== undefined) throw this.#failure;
      const cookie = this.#nextCookie++;
      this.#pending.set(cookie, reply);
      const header = this.#encode(request, cookie);
      const parts = request.payload === undefined ? [header] : [header, request.payload];
      const sent = this.#transport.send(...parts);
      // A payload is the caller's again only when the socket has let go of it.
      await Promise.allSettled([reply.settled, sent]);
      await reply.settled;
    } catch (error) {
      throw error === this.#failure ? error : located(error, this.label);
    } finally {
      this.#slots.release();
    }
  }

  /** Nobody uses it any more; what is under way fails for this reason. */
  abandon(reason: TidemarkError): void {
    if (this.#failure === undefined) this.#fail(located(reason, this.label));
  }

  /** Says good-bye and waits for the server's end of the connection, `timeout` ms at most. */
  async disconnect(timeout: number): Promise<void> {
    if (this.#failure === undefined) {
      void this.#transport.send(this.#encode({ type: Command.DISC }, 0));
    }
    await this.#transport.finish(timeout);
  }

  #fail(error: TidemarkError): void {
    // The first reason stays.
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#transport.destroy(error);
    for (const reply of this.#pending.values()) reply.fail(error);
    this.#pending.clear();
  }
}
