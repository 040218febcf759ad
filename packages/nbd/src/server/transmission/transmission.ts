import type { Socket } from 'node:net';
import { Command } from '../../protocol/transmission.ts';
import type { BufferPool } from '../buffer-pool.ts';
import type { Session } from '../handshake/negotiation.ts';
import type { Inbox } from '../inbox.ts';
import type { Limits } from '../limits.ts';
import { Outbox } from './outbox.ts';
import { type NbdRequest, RequestReader } from './request.ts';
import { serveNow } from './serve-now.ts';
import { serveRequest } from './serve-request.ts';

export interface TransmissionOptions {
  readonly socket: Socket;
  readonly inbox: Inbox;
  readonly pool: BufferPool;
  readonly session: Session;
  readonly limits: Limits;
  readonly log: (message: string) => void;
}

/**
 * The requests of one client. A bounded number of them is worked on at a time; one counts until its
 * reply is with the system, so a client that does not read is not read from.
 */
export class Transmission {
  readonly #options: TransmissionOptions;
  readonly #reader: RequestReader;
  readonly #outbox: Outbox;
  readonly #worked = Promise.withResolvers<void>();
  readonly #answered = Promise.withResolvers<void>();
  #isTaking = true;
  #inFlight = 0;
  #bytesInFlight = 0;
  #atWork = 0;
  /** Whether requests are being taken in this tick, or are going to be in the next turn. */
  #isTurn = false;
  /** For requests, that are not there yet. */
  #isWaiting = false;
  #isTurnNear = false;

  constructor(options: TransmissionOptions) {
    this.#options = options;
    this.#reader = new RequestReader(options.inbox, options.session);
    this.#outbox = new Outbox(options.socket, options.pool, ({ replies, bytes }) => {
      this.#inFlight -= replies;
      this.#bytesInFlight -= bytes;
      if (!this.#isTurn) this.#takeRequests();
    });
    options.inbox.onChange = () => this.#takeRequests();
    this.#takeRequests();
  }

  /** Resolves when no request is taken any more and the device has done all that were. */
  get worked(): Promise<void> {
    return this.#worked.promise;
  }

  /** Resolves when, besides, the system has all replies, or the client is gone. */
  get answered(): Promise<void> {
    return this.#answered.promise;
  }

  /** Takes no more requests. */
  stop(): void {
    this.#isTaking = false;
    this.#options.inbox.pause();
    this.#settle();
  }

  #takeRequests(): void {
    this.#isTurn = true;
    this.#takeWhileRoom();
    // Last: that may make room for more.
    this.#outbox.flush();
    this.#isTurn = false;
    this.#settle();
    if (this.#isTaking && !this.#isWaiting && this.#hasRoom()) this.#takeSoon();
  }

  #takeWhileRoom(): void {
    const { inbox } = this.#options;
    this.#isWaiting = false;
    while (this.#isTaking && this.#hasRoom()) {
      const request = this.#reader.next();
      if (request === undefined) {
        this.#isWaiting = true;
        if (inbox.hasEnded) this.stop();
        else inbox.resume();
        return;
      }
      if (request.fatal !== undefined) this.#options.log(`a client is cut off: ${request.fatal}`);
      if (request.fatal !== undefined || request.type === Command.DISC) this.#isTaking = false;
      if (request.type !== Command.DISC && !this.#serveNow(request)) void this.#serve(request);
    }
    inbox.pause();
  }

  /** One that sends much and takes all its replies at once has its turn, as others have theirs. */
  #takeSoon(): void {
    if (this.#isTurnNear) return;
    this.#isTurnNear = true;
    setImmediate(() => {
      this.#isTurnNear = false;
      this.#takeRequests();
    });
  }

  #hasRoom(): boolean {
    const { requests, bytes } = this.#options.limits;
    return this.#inFlight < requests && this.#bytesInFlight < bytes && !this.#outbox.isFull;
  }

  /** Most are served so: no promise, no thread, and all that came together is answered together. */
  #serveNow(request: NbdRequest): boolean {
    const { session, pool } = this.#options;
    const reply = serveNow(request, session, this.#outbox);
    if (reply === undefined) return false;
    session.exported.counters.count(request.type, request.length);
    pool.release(request.payload);
    this.#inFlight += 1;
    this.#bytesInFlight += bytesOf(request);
    this.#outbox.push(reply, bytesOf(request));
    return true;
  }

  async #serve(come: NbdRequest): Promise<void> {
    const { session, pool, inbox } = this.#options;
    const request = { ...come, payload: inbox.kept(come.payload) };
    const bytes = bytesOf(request);
    this.#inFlight += 1;
    this.#bytesInFlight += bytes;
    this.#atWork += 1;
    const onFailure = (error: unknown) => this.#report(error);
    const reply = await serveRequest(request, { session, pool, onFailure });
    session.exported.counters.count(request.type, request.length);
    this.#atWork -= 1;
    pool.release(request.payload);
    this.#outbox.push(reply, bytes);
    this.#outbox.flushSoon();
    this.#settle();
  }

  #settle(): void {
    if (this.#isTaking || this.#atWork > 0) return;
    this.#worked.resolve();
    if (this.#inFlight === 0) this.#answered.resolve();
  }

  #report(error: unknown): void {
    const { session, log, socket } = this.#options;
    // Nobody is told of it, and who was hung up on asks elsewhere.
    if (socket.destroyed) return;
    const why = error instanceof Error ? error.message : String(error);
    log(`export '${session.exported.name}': ${why}`);
  }
}

/** What a request holds in memory until it is answered. */
function bytesOf({ type, length, payload }: NbdRequest): number {
  return type === Command.READ ? length : payload.length;
}
