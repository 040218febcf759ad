import {
  Command,
  CommandFlag,
  EXTENDED_REQUEST_MAGIC,
  ExtendedRequest,
  Request,
  REQUEST_MAGIC,
} from '../../protocol/transmission.ts';
import { MAX_REQUEST_BYTES } from '../../protocol/limits.ts';
import type { Session } from '../handshake/negotiation.ts';
import type { Inbox } from '../inbox.ts';
import { readStatusQuery } from './status-query.ts';

/** A request as it came. */
export interface NbdRequest {
  /** Whether the client has agreed on extended headers: so go the replies. */
  readonly isExtended: boolean;
  readonly flags: number;
  readonly type: number;
  /** The client's own, in halves: the data path does without bigints. */
  readonly cookieHigh: number;
  readonly cookieLow: number;
  /** Bytes. From 2^53 on not exact, but above any size. */
  readonly offset: number;
  readonly offsetHigh: number;
  readonly offsetLow: number;
  /** Bytes of the disk. From 2^53 on not exact, but above any size. */
  readonly length: number;
  /** A write's data, or what another command brings along; empty for most. */
  readonly payload: Uint8Array;
  /** Of a block status that asks for some of the contexts only. */
  readonly contextIds?: readonly number[];
  /** What is wrong with it already; it is answered with this. */
  readonly fault?: string;
  /** Why nothing behind it can be read. */
  readonly fatal?: string;
}

const NOTHING = new Uint8Array(0);

/** One whose payload may still have to come. */
type Arriving = { -readonly [Field in keyof NbdRequest]: NbdRequest[Field] };

/** Takes whole requests from what has come in. */
export class RequestReader {
  readonly #inbox: Inbox;
  readonly #session: Pick<Session, 'isExtended' | 'contexts'>;
  #arriving: Arriving | undefined;
  /** Bytes, of the one that is arriving. */
  #payload = 0;

  constructor(inbox: Inbox, session: Pick<Session, 'isExtended' | 'contexts'>) {
    this.#inbox = inbox;
    this.#session = session;
  }

  /** Undefined as long as the next one is not here. Its payload is good for this tick. */
  next(): NbdRequest | undefined {
    const request = this.#arriving ?? this.#header();
    if (request === undefined || this.#payload === 0) return request;
    const payload = this.#inbox.take(this.#payload);
    this.#arriving = payload === undefined ? request : undefined;
    if (payload === undefined) return undefined;
    this.#payload = 0;
    request.payload = payload;
    // What comes with other commands but a write has been taken whole, and is dropped.
    if (!request.isExtended || request.type !== Command.BLOCK_STATUS) return request;
    return readStatusQuery(request, this.#session.contexts.length);
  }

  #header(): Arriving | undefined {
    const { isExtended } = this.#session;
    const bytes = this.#inbox.take(isExtended ? ExtendedRequest.size : Request.size);
    if (bytes === undefined) return undefined;
    return isExtended ? this.#extended(bytes) : this.#compact(bytes);
  }

  #compact(bytes: Buffer): Arriving {
    const at = Request.offsetOf;
    const length = bytes.readUInt32BE(at.length);
    const request = fields(bytes, length, false);
    const magic = bytes.readUInt32BE(at.magic);
    if (magic !== REQUEST_MAGIC) return fatal(request, wrongMagic(magic));
    if (request.type !== Command.WRITE) return request;
    return this.#expect(request);
  }

  #extended(bytes: Buffer): Arriving {
    const at = ExtendedRequest.offsetOf;
    const length = bytes.readUInt32BE(at.length) * 2 ** 32 + bytes.readUInt32BE(at.length + 4);
    const request = fields(bytes, length, true);
    const magic = bytes.readUInt32BE(at.magic);
    if (magic !== EXTENDED_REQUEST_MAGIC) return fatal(request, wrongMagic(magic));
    // Data follows a write that does not say so, too: QEMU takes it, and taken for requests it could be
    // what a guest made to look like them.
    const hasPayload = (request.flags & CommandFlag.PAYLOAD_LEN) !== 0;
    return hasPayload || request.type === Command.WRITE ? this.#expect(request) : request;
  }

  /** As many bytes of payload come with it as its length says. */
  #expect(request: Arriving): Arriving {
    const { length } = request;
    if (length > MAX_REQUEST_BYTES) return fatal(request, tooLong(length));
    this.#payload = length;
    return request;
  }
}

/** Both kinds of header have these in the same places. */
function fields(bytes: Buffer, length: number, isExtended: boolean): Arriving {
  const at = Request.offsetOf;
  const offsetHigh = bytes.readUInt32BE(at.offset);
  const offsetLow = bytes.readUInt32BE(at.offset + 4);
  return {
    isExtended,
    flags: bytes.readUInt16BE(at.flags),
    type: bytes.readUInt16BE(at.type),
    cookieHigh: bytes.readUInt32BE(at.cookie),
    cookieLow: bytes.readUInt32BE(at.cookie + 4),
    offset: offsetHigh * 2 ** 32 + offsetLow,
    offsetHigh,
    offsetLow,
    length,
    payload: NOTHING,
  };
}

function fatal(request: Arriving, why: string): Arriving {
  return { ...request, fatal: why };
}

function wrongMagic(magic: number): string {
  return `invalid magic (got 0x${magic.toString(16)})`;
}

export function tooLong(length: number, maximum = MAX_REQUEST_BYTES): string {
  return `len (${length} ) is larger than max len (${maximum})`;
}
