import { MAX_REQUESTS_IN_FLIGHT } from '../../protocol/limits.ts';
import { Command, ExportFlag } from '../../protocol/transmission.ts';
import type { NbdRequest } from '../encode-request.ts';
import type { Session } from '../negotiate/negotiate.ts';
import { Reply } from '../replies/reply.ts';
import type { Ask, Opened } from './link.ts';

/** Bytes, and requests, that are kept before the server is asked to make them durable. */
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_COUNT = 4096;

/**
 * Writes that a server has answered and may forget when it goes down. They are kept until a flush,
 * so that a flush over a later connection covers them too: what a device calls durable is.
 */
export class UnflushedWrites {
  #kept: NbdRequest[] = [];
  #bytes = 0;
  /** Of writes that are no longer kept. */
  #dropped = 0;

  /** Undefined for a server that has no flush: there is nothing to wait for. */
  static of({ flags }: Session): UnflushedWrites | undefined {
    return (flags & ExportFlag.FLUSH) === 0 ? undefined : new UnflushedWrites();
  }

  readonly flush: Ask<Reply> = () => ({
    request: { type: Command.FLUSH },
    reply: new Reply('flush'),
  });

  /** A request is about to be sent: how many writes it makes durable. */
  before({ type }: NbdRequest): number | undefined {
    return type === Command.FLUSH ? this.#dropped + this.#kept.length : undefined;
  }

  /** It was answered well. */
  after(request: NbdRequest, covered: number | undefined): 'full' | undefined {
    if (covered !== undefined) this.#drop(covered - this.#dropped);
    const { type, payload } = request;
    if (type !== Command.WRITE && type !== Command.WRITE_ZEROES) return undefined;
    // The buffer is the caller's, who will use it for other things.
    this.#kept.push(
      payload === undefined ? request : { ...request, payload: new Uint8Array(payload) },
    );
    this.#bytes += payload?.length ?? 0;
    return this.#bytes >= MAX_BYTES || this.#kept.length >= MAX_COUNT ? 'full' : undefined;
  }

  /** Sends all of them over a new connection, in the order in which they were answered. */
  async replay({ connection }: Opened): Promise<void> {
    let batch: NbdRequest[] = [];
    const send = async () => {
      const replies = batch.map((request) => {
        const what = `write ${request.length} bytes at ${request.offset} again`;
        return connection.request(request, new Reply(what, request.offset));
      });
      batch = [];
      await Promise.allSettled(replies);
      await Promise.all(replies);
    };
    // Many at a time, as long as none has to come before another.
    for (const request of this.#kept) {
      const isOrdered = batch.some((other) => overlap(other, request));
      if (isOrdered || batch.length === MAX_REQUESTS_IN_FLIGHT) await send();
      batch.push(request);
    }
    await send();
  }

  #drop(count: number): void {
    // Another flush may have been quicker.
    if (count <= 0) return;
    for (const { payload } of this.#kept.splice(0, count)) this.#bytes -= payload?.length ?? 0;
    this.#dropped += count;
  }
}

function overlap(a: NbdRequest, b: NbdRequest): boolean {
  const [from, length] = [a.offset ?? 0, a.length ?? 0];
  const [other, otherLength] = [b.offset ?? 0, b.length ?? 0];
  return from < other + otherLength && other < from + length;
}
