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

interface Pending {
  readonly request: NbdRequest;
  /** Bytes. */
  readonly payload: number;
}

/** Takes whole requests from what has come in. */
export class RequestReader {
  readonly #inbox: Inbox;
  readonly #session: Pick<Session, 'isExtended' | 'contexts'>;
  /** One whose payload has not come yet. */
  #pending: Pending | undefined;

  constructor(inbox: Inbox, session: Pick<Session, 'isExtended' | 'contexts'>) {
    this.#inbox = inbox;
    this.#session = session;
  }

  /** Undefined as long as the next one is not here. */
  next(): NbdRequest | undefined {
    const { isExtended } = this.#session;
    const next = this.#pending ?? (isExtended ? this.#extendedHeader() : this.#header());
    if (next === undefined || next.payload === 0) return next?.request;
    const payload = this.#inbox.take(next.payload);
    this.#pending = payload === undefined ? next : undefined;
    if (payload === undefined) return undefined;
    const request = { ...next.request, payload };
    // What comes with other commands but a write has been taken whole, and is dropped.
    if (!request.isExtended || request.type !== Command.BLOCK_STATUS) return request;
    return readStatusQuery(request, this.#session.contexts.length);
  }

  #header(): Pending | undefined {
    const at = Request.offsetOf;
    const bytes = this.#inbox.take(Request.size);
    if (bytes === undefined) return undefined;
    const length = bytes.readUInt32BE(at.length);
    const request = fields(bytes, { length, isExtended: false });
    const magic = bytes.readUInt32BE(at.magic);
    if (magic !== REQUEST_MAGIC) return fatal(request, wrongMagic(magic));
    if (request.type !== Command.WRITE) return { request, payload: 0 };
    return length > MAX_REQUEST_BYTES
      ? fatal(request, tooLong(length))
      : { request, payload: length };
  }

  #extendedHeader(): Pending | undefined {
    const at = ExtendedRequest.offsetOf;
    const bytes = this.#inbox.take(ExtendedRequest.size);
    if (bytes === undefined) return undefined;
    const length = bytes.readUInt32BE(at.length) * 2 ** 32 + bytes.readUInt32BE(at.length + 4);
    const request = fields(bytes, { length, isExtended: true });
    const magic = bytes.readUInt32BE(at.magic);
    if (magic !== EXTENDED_REQUEST_MAGIC) return fatal(request, wrongMagic(magic));
    if ((request.flags & CommandFlag.PAYLOAD_LEN) !== 0) {
      if (length > MAX_REQUEST_BYTES) return fatal(request, tooLong(length));
      return { request, payload: length };
    }
    // Whether data follows such a write is anyone's guess, and what follows may be a guest's data
    // that looks like requests.
    if (request.type === Command.WRITE) return fatal(request, 'a write without PAYLOAD_LEN');
    return { request, payload: 0 };
  }
}

/** Both kinds of header have these in the same places. */
function fields(
  bytes: Buffer,
  { length, isExtended }: Pick<NbdRequest, 'length' | 'isExtended'>,
): NbdRequest {
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

function fatal(request: NbdRequest, why: string): Pending {
  return { request: { ...request, fatal: why }, payload: 0 };
}

function wrongMagic(magic: number): string {
  return `invalid magic (got 0x${magic.toString(16)})`;
}

export function tooLong(length: number, maximum = MAX_REQUEST_BYTES): string {
  return `len (${length} ) is larger than max len (${maximum})`;
}
