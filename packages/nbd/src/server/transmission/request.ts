import { Command, Request, REQUEST_MAGIC } from '../../protocol/transmission.ts';
import { MAX_REQUEST_BYTES } from '../../protocol/limits.ts';
import type { Inbox } from '../inbox.ts';

/** A request as it came. */
export interface NbdRequest {
  readonly flags: number;
  readonly type: number;
  /** The client's own, in halves: the data path does without bigints. */
  readonly cookieHigh: number;
  readonly cookieLow: number;
  /** Bytes. From 2^53 on not exact, but above any size. */
  readonly offset: number;
  readonly offsetHigh: number;
  readonly offsetLow: number;
  readonly length: number;
  /** A write's data; empty for all others. */
  readonly payload: Uint8Array;
  /** Why nothing behind it can be read. */
  readonly fatal?: string;
}

const NOTHING = new Uint8Array(0);
const at = Request.offsetOf;

/** Takes whole requests from what has come in. */
export class RequestReader {
  readonly #inbox: Inbox;
  /** A write whose data has not come yet. */
  #pending: NbdRequest | undefined;

  constructor(inbox: Inbox) {
    this.#inbox = inbox;
  }

  /** Undefined as long as the next one is not here. */
  next(): NbdRequest | undefined {
    const request = this.#pending ?? this.#header();
    if (request === undefined) return undefined;
    if (request.type !== Command.WRITE || request.fatal !== undefined) return request;
    const payload = this.#inbox.take(request.length);
    this.#pending = payload === undefined ? request : undefined;
    return payload === undefined ? undefined : { ...request, payload };
  }

  #header(): NbdRequest | undefined {
    const bytes = this.#inbox.take(Request.size);
    if (bytes === undefined) return undefined;
    const magic = bytes.readUInt32BE(at.magic);
    const type = bytes.readUInt16BE(at.type);
    const length = bytes.readUInt32BE(at.length);
    const offsetHigh = bytes.readUInt32BE(at.offset);
    const offsetLow = bytes.readUInt32BE(at.offset + 4);
    const request = {
      flags: bytes.readUInt16BE(at.flags),
      type,
      cookieHigh: bytes.readUInt32BE(at.cookie),
      cookieLow: bytes.readUInt32BE(at.cookie + 4),
      offset: offsetHigh * 2 ** 32 + offsetLow,
      offsetHigh,
      offsetLow,
      length,
      payload: NOTHING,
    };
    if (magic !== REQUEST_MAGIC) {
      return { ...request, fatal: `invalid magic (got 0x${magic.toString(16)})` };
    }
    if (type === Command.WRITE && length > MAX_REQUEST_BYTES) {
      return { ...request, fatal: tooLong(length) };
    }
    return request;
  }
}

export function tooLong(length: number): string {
  return `len (${length} ) is larger than max len (${MAX_REQUEST_BYTES})`;
}
