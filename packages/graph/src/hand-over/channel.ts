import type { Socket } from 'node:net';
import { TidemarkError } from '@tidemark/core';
import { type HandOverMessage, parseMessage, protocolError } from './messages.ts';

/** Bytes of a line. The longest is a list of bitmaps that are not kept. */
const MAX_LINE = 16 * 1024 * 1024;

type Wanted<T extends HandOverMessage['type']> = Extract<HandOverMessage, { type: T }>;

/** What the other side is going to read as a message. */
interface Outgoing {
  readonly type: HandOverMessage['type'];
  readonly [member: string]: unknown;
}

/** Messages between two daemons: a line of JSON each. */
export class Channel {
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #length = 0;
  readonly #lines: string[] = [];
  #failure: TidemarkError | undefined;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error) => this.#fail(lost(error)));
    for (const end of ['end', 'close']) socket.on(end, () => this.#fail(lost()));
  }

  /** Resolves when the system has it. @throws CONNECTION_LOST; USAGE: it is too long */
  async send(message: Outgoing): Promise<void> {
    const line = `${JSON.stringify(message)}\n`;
    if (Buffer.byteLength(line) > MAX_LINE) {
      throw new TidemarkError('USAGE', 'the drive has too many bitmaps in memory to hand over', {
        hint: 'remove some of those that are not persistent',
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
    await new Promise<void>((resolve, reject) => {
      this.#socket.write(line, (error) => (error ? reject(lost(error)) : resolve()));
    });
  }

  /**
   * The next message. `timeout`: milliseconds. @throws CONNECTION_LOST, also where none came in time;
   * PROTOCOL_ERROR: another one than any of these
   */
  async receive<T extends HandOverMessage['type']>(
    types: readonly T[],
    timeout: number,
  ): Promise<Wanted<T>> {
    const message = parseMessage(await this.#nextLine(timeout));
    const isWanted = (found: HandOverMessage): found is Wanted<T> =>
      (types as readonly string[]).includes(found.type);
    if (isWanted(message)) return message;
    throw protocolError(`'${message.type}' came instead of '${types.join("' or '")}'`);
  }

  /** What was sent still goes out. */
  close(): void {
    this.#socket.end();
    // Who does not hang up as well is not waited for.
    setTimeout(() => this.#socket.destroy(), 1000).unref();
  }

  async #nextLine(timeout: number): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    if (timeout < Infinity) timer = setTimeout(() => this.#fail(silent(timeout)), timeout);
    try {
      for (;;) {
        const line = this.#lines.shift();
        if (line !== undefined) return line;
        if (this.#failure !== undefined) throw this.#failure;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #take(chunk: Buffer): void {
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      this.#chunks.push(rest.subarray(0, end));
      this.#lines.push(Buffer.concat(this.#chunks).toString());
      this.#chunks = [];
      this.#length = 0;
      rest = rest.subarray(end + 1);
    }
    this.#chunks.push(rest);
    this.#length += rest.length;
    // Nobody sends a second message before the first is answered.
    const isTooMuch = this.#length > MAX_LINE || this.#lines.length > 1;
    if (isTooMuch) this.#fail(protocolError('it says more than it has to'));
    else if (this.#lines.length > 0) this.#wake();
  }

  #fail(error: TidemarkError): void {
    this.#failure ??= error;
    this.#wake();
    if (error.code !== 'CONNECTION_LOST' || error.cause === undefined) this.#socket.end();
    if (error.code === 'PROTOCOL_ERROR') this.#socket.destroy();
  }
}

function lost(cause?: Error): TidemarkError {
  const text = 'the other side of the hand-over is gone';
  return new TidemarkError('CONNECTION_LOST', text, {}, cause);
}

function silent(timeout: number): TidemarkError {
  const text = `the other side of the hand-over did not answer within ${timeout / 1000} seconds`;
  return new TidemarkError('CONNECTION_LOST', text);
}
