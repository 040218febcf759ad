import { FUZZED_SIZE } from './client-messages.ts';

// proto.md alone, and nothing of the server that is judged.

const OPTION_REPLY = 0x0003e889045565a9n;
const SIMPLE = 0x67446698;
const STRUCTURED = 0x668e33ef;
const EXTENDED = 0x6e8a278c;
const ERRORS = new Set([1, 5, 12, 22, 28, 75, 95, 108]);
const REFUSALS = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);

class Wrong extends Error {}

/**
 * What in a server's answers the protocol does not have; undefined for nothing. `isDamaged`: what was
 * sent may be of any kind, so that a reply without chunks does not tell where it ends.
 */
export function judgeReplies(
  sent: Buffer,
  received: Buffer,
  { isDamaged }: { readonly isDamaged: boolean },
): string | undefined {
  try {
    new Judge(sent, received).run(isDamaged);
    return undefined;
  } catch (error) {
    if (error instanceof Wrong) return error.message;
    if (error instanceof RangeError) return `it is cut short (${error.message})`;
    throw error;
  }
}

class Judge {
  readonly #sent: Buffer;
  readonly #bytes: Buffer;
  #at = 0;
  #hasChunks = false;
  #isExtended = false;

  constructor(sent: Buffer, received: Buffer) {
    this.#sent = sent;
    this.#bytes = received;
  }

  run(isDamaged: boolean): void {
    this.#expect(this.#take(18).toString('latin1') === 'NBDMAGICIHAVEOPT\0\x03', 'greeting');
    while (this.#at < this.#bytes.length) {
      if (this.#bytes.readBigUInt64BE(this.#at) !== OPTION_REPLY) return this.#exportByName();
      if (this.#optionReply()) break;
    }
    while (this.#at < this.#bytes.length) {
      const magic = this.#bytes.readUInt32BE(this.#at);
      if (magic === SIMPLE && !this.#hasChunks && isDamaged) return;
      if (magic === SIMPLE) this.#simple();
      else this.#chunk(magic);
    }
  }

  /** Whether it was the last. */
  #optionReply(): boolean {
    const head = this.#take(20);
    const [option, type] = [head.readUInt32BE(8), head.readUInt32BE(12)];
    const payload = this.#take(head.readUInt32BE(16));
    if (type >= 2 ** 31) {
      this.#expect(REFUSALS.has(type - 2 ** 31), `refusal ${type}`);
      this.#expect(payload.length <= 4096, 'length of a refusal');
      return false;
    }
    this.#expect(type >= 1 && type <= 4, `option reply ${type}`);
    if (type === 1) this.#expect(payload.length === 0, 'payload of an ACK');
    if (type === 2) this.#expect(payload.readUInt32BE(0) <= payload.length - 4, 'name in a list');
    if (type === 3) this.#info(payload);
    if (type === 4) this.#expect(payload.length > 4, 'name of a context');
    if (type !== 1) return false;
    if (option === 8 || option === 11) this.#hasChunks = true;
    if (option === 11) this.#isExtended = true;
    return option === 7;
  }

  #info(payload: Buffer): void {
    const kind = payload.readUInt16BE(0);
    const length = new Map([
      [0, 12],
      [3, 14],
    ]).get(kind);
    this.#expect(length === undefined || length === payload.length, `info ${kind}`);
    if (kind === 0) this.#expect(Number(payload.readBigUInt64BE(2)) === FUZZED_SIZE, 'size');
  }

  #exportByName(): void {
    this.#expect(Number(this.#take(10).readBigUInt64BE(0)) === FUZZED_SIZE, 'size of an export');
  }

  #simple(): void {
    const head = this.#take(16);
    this.#expect(!this.#isExtended, 'a simple reply with extended headers');
    const cookie = head.readBigUInt64BE(8);
    this.#known(head.subarray(8, 16));
    const error = head.readUInt32BE(4);
    if (error !== 0) this.#expect(ERRORS.has(error), `error ${error}`);
    const isRead = cookie >> 48n === 0n;
    this.#expect(!(isRead && this.#hasChunks), 'a simple reply to a read, with chunks');
    if (isRead && error === 0) this.#take(Number(cookie & 0xffffffffn));
  }

  #chunk(magic: number): void {
    this.#expect(
      magic === (this.#isExtended ? EXTENDED : STRUCTURED),
      `magic ${magic.toString(16)}`,
    );
    this.#expect(this.#hasChunks, 'a chunk without agreement');
    const head = this.#take(this.#isExtended ? 32 : 20);
    this.#known(head.subarray(8, this.#isExtended ? 24 : 16));
    const isDone = head.readUInt16BE(4);
    this.#expect(isDone <= 1, 'flags of a chunk');
    const length = this.#isExtended ? Number(head.readBigUInt64BE(24)) : head.readUInt32BE(16);
    this.#payload(head.readUInt16BE(6), this.#take(length), isDone === 1);
  }

  #payload(type: number, payload: Buffer, isDone: boolean): void {
    const inside = (offset: bigint, length: number) =>
      length > 0 && Number(offset) + length <= FUZZED_SIZE;
    if (type === 0) this.#expect(payload.length === 0 && isDone, 'an empty chunk');
    else if (type === 1)
      this.#expect(inside(payload.readBigUInt64BE(0), payload.length - 8), 'data');
    else if (type === 2) {
      const whole = payload.length === 12;
      this.#expect(whole && inside(payload.readBigUInt64BE(0), payload.readUInt32BE(8)), 'a hole');
    } else if (type === 5 && !this.#isExtended) this.#extents(payload, 4, 8);
    else if (type === 6 && this.#isExtended) this.#extents(payload, 8, 16);
    else if (type === 0x8001 || type === 0x8002) {
      this.#expect(ERRORS.has(payload.readUInt32BE(0)), 'error of a chunk');
      const rest = payload.length - 6 - payload.readUInt16BE(4);
      this.#expect(rest === (type === 0x8001 ? 0 : 8), 'text of an error');
    } else this.#expect(false, `a chunk of type ${type}`);
  }

  #extents(payload: Buffer, head: number, size: number): void {
    const count = (payload.length - head) / size;
    this.#expect(Number.isInteger(count) && count >= 1, 'number of extents');
    if (head === 8) this.#expect(payload.readUInt32BE(4) === count, 'count of extents');
    let sum = 0;
    for (let at = head; at < payload.length; at += size) {
      const length = size === 8 ? payload.readUInt32BE(at) : Number(payload.readBigUInt64BE(at));
      this.#expect(length > 0, 'an extent of nothing');
      sum += length;
    }
    this.#expect(sum <= FUZZED_SIZE, 'extents beyond the end');
  }

  /** A cookie, and with extended headers an offset, that the client has sent. */
  #known(bytes: Buffer): void {
    this.#expect(this.#sent.includes(bytes), 'cookie of nobody');
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) {
      throw new Wrong(`${length} bytes at ${this.#at} are cut short`);
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #expect(isSo: boolean, what: string): void {
    if (!isSo) throw new Wrong(`${what} at ${this.#at}`);
  }
}
