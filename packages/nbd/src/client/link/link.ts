import { isTidemarkError, type TidemarkError } from '@tidemark/core';
import { Command } from '../../protocol/transmission.ts';
import type { Connection } from '../connection.ts';
import type { NbdRequest } from '../encode-request.ts';
import { connectionLost, located } from '../faults.ts';
import type { Session } from '../negotiate/negotiate.ts';
import type { Reply } from '../replies/reply.ts';
import { checkSame } from './check-same.ts';
import { Retry } from './retry.ts';
import { UnflushedWrites } from './unflushed-writes.ts';

/** A server that hangs up on a request more often does not want it. */
const MAX_LOSSES = 5;

/** A connection and what was agreed on when it began. */
export interface Opened {
  readonly connection: Connection;
  readonly session: Session;
}

/** A request, and what waits for its answer; made anew for each connection that it is sent over. */
export type Ask<R extends Reply> = (session: Session) => {
  readonly request: NbdRequest;
  readonly reply: R;
};

export interface LinkOptions {
  readonly label: string;
  /** Connects once more. @throws as `connectNbd` */
  readonly open: () => Promise<Opened>;
  /** Milliseconds to try for, where a connection is lost; 0: not at all. */
  readonly reconnect: number;
  readonly onNotice: (message: string) => void;
}

/**
 * The way to a server, over one connection after the other. When one is lost, what was under way is
 * sent again over the next, and before it all writes that were answered and not made durable yet: the
 * server may have forgotten them. A write that is sent twice has the same bytes both times; that is
 * safe unless another client writes the same place meanwhile, or the server still does what came over
 * the lost connection after it has done what came later over the new one.
 */
export class Link {
  readonly label: string;
  readonly #options: LinkOptions;
  readonly #unflushed: UnflushedWrites | undefined;
  readonly #first: Session;
  #opened: Opened;
  #restoring: Promise<void> | undefined;
  #failure: TidemarkError | undefined;
  #retry: Retry | undefined;
  #flushError: unknown;
  #isHurried = false;
  #isAtEnd = false;

  constructor(opened: Opened, options: LinkOptions) {
    this.label = options.label;
    this.#options = options;
    this.#opened = opened;
    this.#first = opened.session;
    if (options.reconnect > 0) this.#unflushed = UnflushedWrites.of(opened.session);
  }

  /** Why there is no way any more, once there is none. */
  get failure(): TidemarkError | undefined {
    return this.#failure ?? (this.#canRestore ? undefined : this.#opened.connection.failure);
  }

  /** Another number once the server has said something. */
  get received(): number {
    return this.#opened.connection.received;
  }

  /** Resolves to the answer. @throws what the server answered; the failure of the link */
  async request<R extends Reply>(ask: Ask<R>): Promise<R> {
    for (let losses = 0; ;) {
      if (this.#restoring !== undefined) await this.#restoring;
      if (this.failure !== undefined) throw this.failure;
      const opened = this.#opened;
      const { request, reply } = ask(opened.session);
      if (request.type === Command.FLUSH && this.#flushError !== undefined) throw this.#flushError;
      const covered = this.#unflushed?.before(request);
      try {
        await opened.connection.request(request, reply);
      } catch (error) {
        losses += 1;
        const isLoss = this.#canRestore && isTidemarkError(error, 'CONNECTION_LOST');
        if (!isLoss || losses > MAX_LOSSES) throw error;
        this.#lose(opened, error);
        continue;
      }
      // Kept before the caller has its buffer back.
      if (this.#unflushed?.after(request, covered) === 'full') await this.#makeRoom();
      return reply;
    }
  }

  /** From now on one attempt is made where a connection is lost. */
  hurry(): void {
    this.#isHurried = true;
    this.#retry?.stop();
  }

  /** Takes leave of the server. */
  async disconnect(timeout: number): Promise<void> {
    this.hurry();
    await this.#restoring?.catch(() => {});
    this.#isAtEnd = true;
    await this.#opened.connection.disconnect(timeout);
  }

  /** Ends at once; what is under way fails. */
  destroy(): void {
    this.#isAtEnd = true;
    this.hurry();
    this.#opened.connection.abandon(connectionLost('it was given up'));
  }

  get #canRestore(): boolean {
    return this.#options.reconnect > 0 && !this.#isAtEnd;
  }

  /** After a flush that failed nobody knows what is durable, so no later one may say that all is. */
  async #makeRoom(): Promise<void> {
    try {
      await this.request(this.#unflushed!.flush);
    } catch (error) {
      this.#flushError ??= error;
      throw error;
    }
  }

  /** Several requests lose the same connection. */
  #lose(lost: Opened, error: TidemarkError): void {
    if (lost !== this.#opened || this.#restoring !== undefined) return;
    this.#options.onNotice(`${error.message}; connecting again`);
    const restoring = this.#restore(lost, error);
    this.#restoring = restoring;
    // Those who wait for it hear of a failure, and those who come later.
    restoring
      .catch(() => {})
      .finally(() => {
        this.#restoring = undefined;
      });
  }

  async #restore(lost: Opened, loss: TidemarkError): Promise<void> {
    const { open, reconnect, onNotice, label } = this.#options;
    // A server that says that it shuts down has not hung up yet.
    lost.connection.abandon(loss);
    this.#retry = new Retry(this.#isHurried ? 0 : reconnect);
    try {
      this.#opened = await this.#retry.run(async () => {
        const opened = await open();
        try {
          checkSame(this.#first, opened.session);
          await this.#unflushed?.replay(opened);
          return opened;
        } catch (error) {
          opened.connection.abandon(connectionLost('it is not gone on with'));
          throw error;
        }
      });
      onNotice(`${label} is connected again`);
    } catch (error) {
      this.#failure = isTidemarkError(error) ? error : located(error, label);
      throw this.#failure;
    }
  }
}
