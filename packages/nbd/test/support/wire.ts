// Messages of a client, spelt out here: the structs of the server are what is tested.

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** A text behind its length. */
export function text(value: string): Buffer {
  return Buffer.concat([u32(Buffer.byteLength(value)), Buffer.from(value)]);
}

export const OPTION = {
  EXPORT_NAME: 1,
  ABORT: 2,
  LIST: 3,
  STARTTLS: 5,
  INFO: 6,
  GO: 7,
  STRUCTURED_REPLY: 8,
  LIST_META_CONTEXT: 9,
  SET_META_CONTEXT: 10,
} as const;

export function option(code: number, payload: Uint8Array = Buffer.alloc(0), length?: number) {
  const claimed = u32(length ?? payload.length);
  return Buffer.concat([Buffer.from('IHAVEOPT'), u32(code), claimed, payload]);
}

/** The payload of INFO and GO. */
export function infoPayload(name: string, ...wanted: readonly number[]): Buffer {
  return Buffer.concat([text(name), u16(wanted.length), ...wanted.map(u16)]);
}

/** The payload of LIST_META_CONTEXT and SET_META_CONTEXT. */
export function metaPayload(name: string, ...queries: readonly string[]): Buffer {
  return Buffer.concat([text(name), u32(queries.length), ...queries.map(text)]);
}

export const COMMAND = {
  READ: 0,
  WRITE: 1,
  DISC: 2,
  FLUSH: 3,
  TRIM: 4,
  CACHE: 5,
  WRITE_ZEROES: 6,
  BLOCK_STATUS: 7,
} as const;

export const FLAG = { FUA: 1, NO_HOLE: 2, DF: 4, REQ_ONE: 8, FAST_ZERO: 16 } as const;

export interface RequestFields {
  readonly type: number;
  readonly flags?: number;
  readonly cookie?: number | bigint;
  readonly offset?: number | bigint;
  readonly length?: number;
  readonly payload?: Uint8Array;
  readonly magic?: number;
}

export function request(fields: RequestFields): Buffer {
  const { type, flags = 0, cookie = 0x1122334455667788n, offset = 0 } = fields;
  const { payload = Buffer.alloc(0), length = payload.length, magic = 0x25609513 } = fields;
  const head = [u32(magic), u16(flags), u16(type), u64(cookie), u64(offset), u32(length)];
  return Buffer.concat([...head, payload]);
}
