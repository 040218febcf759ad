import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { NbdAddress } from '../../src/index.ts';
import { infoPayload, metaPayload, OPTION, option, u32 } from './wire.ts';

const OPTION_REPLY_HEAD = 20;
const ACK = 1;
const FIRST_ERROR = 2 ** 31;
const SIMPLE_MAGIC = 0x67446698;
const SIMPLE_HEAD = 16;
const CHUNK_HEAD = 20;
const DONE = 1;

/** One message of the server, as it came; `end` where the server hung up instead. */
export type Answer = Buffer | 'end';

/** A client that sends what it is told and understands no more than where a message ends. */
export class RawClient {
  readonly socket: Socket;
  #chunks: Buffer[] = [];
  #length = 0;
  #hasEnded = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#wake();
    });
    socket.on('error', () => {});
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.#hasEnded = true;
        this.#wake();
      });
    }
  }

  /** Connects, and takes the greeting. */
  static async connect(address: NbdAddress | string): Promise<RawClient> {
    const path = typeof address === 'string' ? address : address.type === 'unix' && address.path;
    const socket =
      typeof address === 'object' && address.type === 'inet'
        ? connect(address.port, address.host)
        : connect(String(path));
    await once(socket, 'connect');
    const client = new RawClient(socket);
    await client.take(18);
    return client;
  }

  /** With flags, structured replies and contexts as wanted, ready for requests. */
  static async enter(
    address: NbdAddress | string,
    { name = 'exp', isStructured = true, contexts = [] }: EnterOptions = {},
  ): Promise<RawClient> {
    const client = await RawClient.connect(address);
    client.send(u32(3));
    if (isStructured) await client.option(OPTION.STRUCTURED_REPLY);
    if (contexts.length > 0) {
      await client.option(OPTION.SET_META_CONTEXT, metaPayload(name, ...contexts));
    }
    const last = (await client.option(OPTION.GO, infoPayload(name))).at(-1);
    if (last === undefined || last === 'end' || last.readUInt32BE(12) !== ACK) {
      throw new Error(`the server does not let us use '${name}'`);
    }
    return client;
  }

  send(...parts: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** Sends an option and takes all replies to it. */
  async option(code: number, payload?: Uint8Array, length?: number): Promise<Answer[]> {
    this.send(option(code, payload, length));
    const answers: Answer[] = [];
    for (;;) {
      const head = await this.#peek(OPTION_REPLY_HEAD);
      if (head === 'end') return [...answers, 'end'];
      const type = head.readUInt32BE(12);
      answers.push(await this.take(OPTION_REPLY_HEAD + head.readUInt32BE(16)));
      if (type === ACK || type >= FIRST_ERROR) return answers;
    }
  }

  /** One message of the transmission phase. A simple reply is `dataLength` bytes longer. */
  async message(dataLength = 0): Promise<Answer> {
    const head = await this.#peek(SIMPLE_HEAD);
    if (head === 'end') return 'end';
    if (head.readUInt32BE(0) === SIMPLE_MAGIC) {
      return this.take(SIMPLE_HEAD + (head.readUInt32BE(4) === 0 ? dataLength : 0));
    }
    const chunk = await this.#peek(CHUNK_HEAD);
    return chunk === 'end' ? 'end' : this.take(CHUNK_HEAD + chunk.readUInt32BE(16));
  }

  /** All messages to the one request that is under way. */
  async reply(dataLength = 0): Promise<Answer[]> {
    const answers: Answer[] = [];
    for (;;) {
      const answer = await this.message(dataLength);
      answers.push(answer);
      if (answer === 'end' || answer.readUInt32BE(0) === SIMPLE_MAGIC) return answers;
      if ((answer.readUInt16BE(4) & DONE) !== 0) return answers;
    }
  }

  /** Exactly this many bytes. Throws where the server hangs up before. */
  async take(length: number): Promise<Buffer> {
    if ((await this.#peek(length)) === 'end') throw new Error('the server hung up');
    const received = this.#join();
    this.#chunks = [received.subarray(length)];
    this.#length -= length;
    return received.subarray(0, length);
  }

  /** All that still comes until the server hangs up. */
  async rest(): Promise<Buffer> {
    while (!this.#hasEnded) await this.#change();
    return this.#join();
  }

  close(): void {
    this.socket.destroy();
  }

  async #peek(length: number): Promise<Answer> {
    while (this.#length < length) {
      if (this.#hasEnded) return 'end';
      await this.#change();
    }
    return this.#join().subarray(0, length);
  }

  #join(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!;
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}

export interface EnterOptions {
  readonly name?: string;
  readonly isStructured?: boolean;
  readonly contexts?: readonly string[];
}
