// proto.md, "Newstyle negotiation", "Handshake phase", "Option types", "Option reply types".
import { struct, u16, u32, u64 } from '@tidemark/core';

const wire = { errorCode: 'PROTOCOL_ERROR' } as const;

/** "NBDMAGIC" */
export const INIT_MAGIC = 0x4e42444d41474943n;
/** "IHAVEOPT" */
export const OPTION_MAGIC = 0x49484156454f5054n;
export const OPTION_REPLY_MAGIC = 0x0003e889045565a9n;

/** Flags of the greeting; the client sends the ones it takes back in a u32. */
export const HandshakeFlag = { FIXED_NEWSTYLE: 1, NO_ZEROES: 2 } as const;

export const Option = {
  EXPORT_NAME: 1,
  ABORT: 2,
  LIST: 3,
  STARTTLS: 5,
  INFO: 6,
  GO: 7,
  STRUCTURED_REPLY: 8,
  LIST_META_CONTEXT: 9,
  SET_META_CONTEXT: 10,
  EXTENDED_HEADERS: 11,
} as const;

/** Bit 31 of a reply type: it is an error, and its payload a text. */
const REPLY_IS_ERROR: number = 2 ** 31;

export const OptionReplyType = {
  ACK: 1,
  SERVER: 2,
  INFO: 3,
  META_CONTEXT: 4,
  UNSUP: REPLY_IS_ERROR + 1,
  POLICY: REPLY_IS_ERROR + 2,
  INVALID: REPLY_IS_ERROR + 3,
  PLATFORM: REPLY_IS_ERROR + 4,
  TLS_REQD: REPLY_IS_ERROR + 5,
  UNKNOWN: REPLY_IS_ERROR + 6,
  SHUTDOWN: REPLY_IS_ERROR + 7,
  BLOCK_SIZE_REQD: REPLY_IS_ERROR + 8,
  TOO_BIG: REPLY_IS_ERROR + 9,
  EXT_HEADER_REQD: REPLY_IS_ERROR + 10,
} as const;

export function isErrorReply(type: number): boolean {
  return type >= REPLY_IS_ERROR;
}

export const InfoType = { EXPORT: 0, NAME: 1, DESCRIPTION: 2, BLOCK_SIZE: 3 } as const;

/** The second magic number of servers that do not negotiate. */
export const OLD_STYLE_MAGIC = 0x00420281861253n;

/** What the server says first. */
export const Greeting = struct('nbd greeting', { initMagic: u64, optionMagic: u64 }, wire);
/** Follows `OPTION_MAGIC`. */
export const ServerFlags = struct('nbd server flags', { flags: u16 }, wire);
/** Follows `OLD_STYLE_MAGIC`; 124 zeros come after it. proto.md, "Oldstyle negotiation". */
export const OldStyleExport = struct('nbd old-style export', { size: u64, flags: u32 }, wire);

/** What the client answers to it. */
export const ClientFlags = struct('nbd client flags', { flags: u32 }, wire);

/** Followed by `length` bytes of payload. */
export const OptionHeader = struct('nbd option', { magic: u64, option: u32, length: u32 }, wire);

/** Followed by `length` bytes of payload. */
export const OptionReply = struct(
  'nbd option reply',
  { magic: u64, option: u32, type: u32, length: u32 },
  wire,
);

/** The answer to EXPORT_NAME, without a header; 124 zeros follow unless NO_ZEROES is agreed on. */
export const ExportNameReply = struct('nbd export', { size: u64, flags: u16 }, wire);
export const EXPORT_NAME_ZEROES = 124;

export const InfoExport = struct('nbd export info', { type: u16, size: u64, flags: u16 }, wire);

export const InfoBlockSize = struct(
  'nbd block size info',
  { type: u16, minimum: u32, preferred: u32, maximum: u32 },
  wire,
);

/** Head of the payload of a META_CONTEXT reply; the name follows. */
export const MetaContextReply = struct('nbd metadata context', { id: u32 }, wire);
