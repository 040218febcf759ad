import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { isTidemarkError } from '@tidemark/core';
import { connectNbd, type NbdDevice } from '@tidemark/nbd';
import { u16, u32, u64 } from './client-messages.ts';
import { damage } from './damage.ts';
import { Random } from './random.ts';

const SIZE = 1_048_576n;
const CONTEXT = 'base:allocation';

/** Our client, and a server that answers rightly for a while and then with anything. */
export class ClientFuzz implements AsyncDisposable {
  readonly #path: string;
  readonly #server: Server;
  #random = new Random(0);

  constructor(path: string) {
    this.#path = path;
    this.#server = createServer((socket) => {
      // One that waits for more while the client does: for how long is no matter of the protocol.
      const timer = setTimeout(() => socket.destroy(), 200);
      socket.on('close', () => clearTimeout(timer));
      return new Answers(socket, this.#random);
    });
  }

  async start(): Promise<void> {
    this.#server.listen(this.#path);
    await once(this.#server, 'listening');
  }

  /** What the client does that it must not; undefined for nothing. */
  async run(seed: number): Promise<string | undefined> {
    this.#random = new Random(seed);
    const uri = `nbd+unix:///?socket=${encodeURIComponent(this.#path)}`;
    const late = Symbol('late');
    const { promise, resolve } = Promise.withResolvers<typeof late>();
    const timer = setTimeout(() => resolve(late), 20_000);
    const use = connectNbd(uri, { timeout: 300 }).then(useAll, fault);
    const outcome = await Promise.race([use, promise]);
    clearTimeout(timer);
    return outcome === late ? 'the client does not end' : outcome;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }
}

async function useAll(device: NbdDevice): Promise<string | undefined> {
  const extents = async () => {
    for await (const _ of device.extents(0, device.size)) continue;
  };
  const outcomes = await Promise.allSettled([
    device.read(Buffer.alloc(70_000), 1000),
    device.write(Buffer.alloc(5000, 1), 100),
    extents(),
    device.writeZeroes(0, 4096),
    device.flush(),
  ]);
  const last = await device.close().then(() => undefined, fault);
  const faults = outcomes.map((outcome) =>
    outcome.status === 'rejected' ? fault(outcome.reason) : undefined,
  );
  return faults.find((found) => found !== undefined) ?? last;
}

/** Errors with a code are how a client says that its server is at fault. */
function fault(error: unknown): string | undefined {
  if (isTidemarkError(error) && !(error.cause instanceof TypeError)) return undefined;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Understands what our client sends, and answers it. */
class Answers {
  readonly #socket: Socket;
  readonly #random: Random;
  #bytes = Buffer.alloc(0);
  #state: 'flags' | 'options' | 'requests' = 'flags';
  #isExtended = false;

  constructor(socket: Socket, random: Random) {
    this.#socket = socket;
    this.#random = random;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      while (this.#step());
    });
    this.#say(Buffer.from('NBDMAGICIHAVEOPT\0\x03', 'latin1'));
  }

  #say(...messages: readonly Buffer[]): void {
    const isRight = this.#random.chance(0.93);
    this.#socket.write(isRight ? Buffer.concat(messages) : damage(this.#random, messages));
    if (this.#random.chance(0.01)) this.#socket.destroy();
  }

  #take(length: number): Buffer | undefined {
    if (this.#bytes.length < length) return undefined;
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }

  #step(): boolean {
    if (this.#state === 'flags') {
      if (this.#take(4) === undefined) return false;
      this.#state = 'options';
      return true;
    }
    return this.#state === 'options' ? this.#option() : this.#request();
  }

  #option(): boolean {
    if (this.#bytes.length < 16) return false;
    const payload = this.#bytes.readUInt32BE(12);
    const code = this.#take(16 + payload)?.readUInt32BE(8);
    if (code === undefined) return false;
    const reply = (type: number, ...body: readonly Buffer[]) => {
      const whole = Buffer.concat(body);
      return Buffer.concat([u64(0x3e889045565a9n), u32(code), u32(type), u32(whole.length), whole]);
    };
    const replies: Buffer[] = [];
    if (code === 10) replies.push(reply(4, u32(0), Buffer.from(CONTEXT)));
    if (code === 7) replies.push(reply(3, u16(0), u64(SIZE), u16(0b1110_1101)));
    const isRefused = code === 11 && this.#random.chance(0.5);
    if (code === 11 && !isRefused) this.#isExtended = true;
    replies.push(reply(isRefused ? 2 ** 31 + 1 : 1));
    if (code === 7) this.#state = 'requests';
    this.#say(...replies);
    return true;
  }

  #request(): boolean {
    const size = this.#isExtended ? 32 : 28;
    if (this.#bytes.length < size) return false;
    const type = this.#bytes.readUInt16BE(6);
    const length = this.#bytes.readUInt32BE(size - 4);
    const head = this.#take(size + (type === 1 ? length : 0));
    if (head === undefined) return false;
    if (type === 2) this.#socket.end();
    else this.#answer(type, length, head);
    return true;
  }

  #answer(type: number, length: number, head: Buffer): void {
    const offset = head.subarray(16, 24);
    const chunk = (kind: number, isDone: boolean, ...body: readonly Buffer[]) => {
      const whole = Buffer.concat(body);
      const common = [u16(isDone ? 1 : 0), u16(kind), head.subarray(8, 16)];
      return this.#isExtended
        ? Buffer.concat([u32(0x6e8a278c), ...common, offset, u64(BigInt(whole.length)), whole])
        : Buffer.concat([u32(0x668e33ef), ...common, u32(whole.length), whole]);
    };
    if (this.#random.chance(0.05)) {
      this.#say(chunk(0x8001, true, u32(5), u16(4), Buffer.from('oops')));
    } else if (type === 0) {
      const half = Math.floor(length / 2);
      const middle = u64(offset.readBigUInt64BE() + BigInt(half));
      const data = chunk(1, true, middle, Buffer.alloc(length - half, 7));
      this.#say(chunk(2, false, offset, u32(half)), data);
    } else if (type === 7) {
      const extended = [u32(0), u32(1), u64(BigInt(length)), u64(3n)];
      const compact = [u32(0), u32(length), u32(3)];
      this.#say(this.#isExtended ? chunk(6, true, ...extended) : chunk(5, true, ...compact));
    } else this.#say(chunk(0, true));
  }
}
