import {
  CommandFlag,
  EXTENDED_REQUEST_MAGIC,
  ExtendedRequest,
  Request,
  REQUEST_MAGIC,
} from '../protocol/transmission.ts';
import { writeU64 } from '../protocol/u64.ts';

export interface NbdRequest {
  /** Of `Command`. */
  readonly type: number;
  /** Of `CommandFlag`. */
  readonly flags?: number;
  readonly offset?: number;
  readonly length?: number;
  /** Of a write. */
  readonly payload?: Uint8Array;
}

export function encode(request: NbdRequest, cookie: number): Uint8Array {
  const header = new Uint8Array(Request.size);
  const view = new DataView(header.buffer);
  writeCommon(view, request, { magic: REQUEST_MAGIC, flags: request.flags ?? 0, cookie });
  view.setUint32(Request.offsetOf.length, request.length ?? 0);
  return header;
}

/** With extended headers. */
export function encodeExtended(request: NbdRequest, cookie: number): Uint8Array {
  const header = new Uint8Array(ExtendedRequest.size);
  const view = new DataView(header.buffer);
  const { flags = 0, payload } = request;
  const all = payload === undefined ? flags : flags | CommandFlag.PAYLOAD_LEN;
  writeCommon(view, request, { magic: EXTENDED_REQUEST_MAGIC, flags: all, cookie });
  writeU64(view, ExtendedRequest.offsetOf.length, request.length ?? 0);
  return header;
}

/** Both kinds of header have these in the same places. */
function writeCommon(
  view: DataView,
  { type, offset = 0 }: NbdRequest,
  { magic, flags, cookie }: Readonly<Record<'magic' | 'flags' | 'cookie', number>>,
): void {
  const { offsetOf } = Request;
  view.setUint32(offsetOf.magic, magic);
  view.setUint16(offsetOf.flags, flags);
  view.setUint16(offsetOf.type, type);
  writeU64(view, offsetOf.cookie, cookie);
  writeU64(view, offsetOf.offset, offset);
}
