import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { ByteReader } from '../../src/client/byte-reader.ts';
import {
  Greeting,
  INIT_MAGIC,
  InfoBlockSize,
  InfoExport,
  Option,
  OPTION_MAGIC,
  OPTION_REPLY_MAGIC,
  OptionHeader,
  OptionReply,
  OptionReplyType,
  ServerFlags,
} from '../../src/protocol/handshake.ts';
import {
  Chunk,
  CHUNK_MAGIC,
  Request,
  SIMPLE_REPLY_MAGIC,
  SimpleReply,
} from '../../src/protocol/transmission.ts';

const PEER_IS_GONE = new Error('the client has closed the connection');

/** One client of a scripted server: what it sends, and whatever the test answers. */
export class Peer {
  readonly #socket: Socket;
  readonly #reader: ByteReader;
  /** Whether our end stays open when the client ends its own. */
  staysOpen = false;
  #received = 0;
  #taken = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#reader = new ByteReader(socket);
    socket.on('data', (chunk: Uint8Array) => {
      this.#received += chunk.length;
    });
    socket.on('error', () => {});
    socket.on('close', () => this.#reader.end(PEER_IS_GONE));
    socket.on('end', () => {
      if (!this.staysOpen) socket.end();
    });
  }

  send(...parts: readonly Uint8Array[]): void {
    for (const part of parts) this.#socket.write(part);
  }

  async take(length: number): Promise<Uint8Array> {
    const bytes = await this.#reader.take(length);
    this.#taken += length;
    return bytes;
  }

  /** Bytes that have come and were not taken. */
  get waiting(): number {
    return this.#received - this.#taken;
  }

  end(): void {
    this.#socket.end();
  }

  greet(flags = 3): void {
    const greeting = Greeting.encode({ initMagic: INIT_MAGIC, optionMagic: OPTION_MAGIC });
    this.send(greeting, ServerFlags.encode({ flags }));
  }

  async option(): Promise<{ readonly option: number; readonly payload: Uint8Array }> {
    const { option, length } = OptionHeader.decode(await this.take(OptionHeader.size));
    return { option, payload: await this.take(length) };
  }

  replyToOption(option: number, type: number, payload: Uint8Array = new Uint8Array(0)): void {
    const header = { magic: OPTION_REPLY_MAGIC, option, type, length: payload.length };
    this.send(OptionReply.encode(header), payload);
  }

  async request(): Promise<{
    readonly type: number;
    readonly flags: number;
    readonly cookie: bigint;
    readonly offset: number;
    readonly length: number;
  }> {
    const request = Request.decode(await this.take(Request.size));
    return { ...request, offset: Number(request.offset) };
  }

  simple(cookie: bigint, error = 0): void {
    this.send(SimpleReply.encode({ magic: SIMPLE_REPLY_MAGIC, error, cookie }));
  }

  /** `length` may differ from the payload's own. */
  chunk(
    cookie: bigint,
    type: number,
    payload: Uint8Array = new Uint8Array(0),
    { done = true, length = payload.length } = {},
  ): void {
    const header = { magic: CHUNK_MAGIC, flags: done ? 1 : 0, type, cookie, length };
    this.send(Chunk.encode(header), payload);
  }
}

export interface Offer {
  readonly size?: bigint;
  readonly flags?: number;
  /** Without it, replies are simple. Default true. */
  readonly chunks?: boolean;
  /** Ids of the contexts that are agreed to, whatever is asked for. */
  readonly contexts?: Readonly<Record<string, number>>;
  readonly blockSize?: readonly [minimum: number, preferred: number, maximum: number];
}

/** Flags: HAS_FLAGS, FLUSH, TRIM, WRITE_ZEROES. */
const CAN_ALL = 0b0110_0101;

/** The handshake of a server that does nothing wrong, up to the transmission phase. */
export async function shakeHands(peer: Peer, offer: Offer = {}): Promise<void> {
  peer.greet();
  await peer.take(4);
  for (;;) {
    const { option } = await peer.option();
    if (option === Option.GO) break;
    answer(peer, option, offer);
  }
  const { size = 1_048_576n, flags = CAN_ALL, blockSize } = offer;
  peer.replyToOption(Option.GO, OptionReplyType.INFO, InfoExport.encode({ type: 0, size, flags }));
  if (blockSize !== undefined) {
    const [minimum, preferred, maximum] = blockSize;
    const info = InfoBlockSize.encode({ type: 3, minimum, preferred, maximum });
    peer.replyToOption(Option.GO, OptionReplyType.INFO, info);
  }
  peer.replyToOption(Option.GO, OptionReplyType.ACK);
}

function answer(peer: Peer, option: number, { chunks = true, contexts = {} }: Offer): void {
  if (!chunks || option === Option.EXTENDED_HEADERS) {
    peer.replyToOption(option, OptionReplyType.UNSUP);
    return;
  }
  if (option === Option.SET_META_CONTEXT) {
    for (const [name, id] of Object.entries(contexts)) {
      peer.replyToOption(option, OptionReplyType.META_CONTEXT, contextReply(id, name));
    }
  }
  peer.replyToOption(option, OptionReplyType.ACK);
}

/** Payload of a META_CONTEXT reply. */
export function contextReply(id: number, name: string): Uint8Array {
  return Buffer.concat([u32s(id), Buffer.from(name)]);
}

export function u32s(...values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
}

export function u64(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** Payload of an error chunk. */
export function errorPayload(error: number, text: string, textLength = text.length): Uint8Array {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(textLength);
  return Buffer.concat([u32s(error), length, Buffer.from(text)]);
}

/** A server that does what the script says to each client; a script that fails fails `close`. */
export class ScriptedServer implements AsyncDisposable {
  readonly uri: string;
  readonly #close: () => Promise<void>;

  private constructor(uri: string, close: () => Promise<void>) {
    this.uri = uri;
    this.#close = close;
  }

  static async start(script: (peer: Peer) => Promise<void>): Promise<ScriptedServer> {
    const scripts: Promise<void>[] = [];
    const sockets: Socket[] = [];
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      sockets.push(socket);
      scripts.push(
        script(new Peer(socket)).catch((error: unknown) => {
          if (error !== PEER_IS_GONE) throw error;
        }),
      );
      // Reported by `close`; until then it is no unhandled rejection.
      scripts.at(-1)!.catch(() => {});
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('there is no port');
    return new ScriptedServer(`nbd://127.0.0.1:${address.port}/x`, async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
      await Promise.all(scripts);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}
