// proto.md, "Transmission phase", "Request types", "Structured reply types".
import { struct, u16, u32, u64 } from '@tidemark/core';

const wire = { errorCode: 'PROTOCOL_ERROR' } as const;

export const REQUEST_MAGIC = 0x25609513;
export const SIMPLE_REPLY_MAGIC = 0x67446698;
export const CHUNK_MAGIC = 0x668e33ef;
export const EXTENDED_REQUEST_MAGIC = 0x21e41c71;
export const EXTENDED_CHUNK_MAGIC = 0x6e8a278c;

/** What an export can do. */
export const ExportFlag = {
  HAS_FLAGS: 1 << 0,
  READ_ONLY: 1 << 1,
  FLUSH: 1 << 2,
  FUA: 1 << 3,
  ROTATIONAL: 1 << 4,
  TRIM: 1 << 5,
  WRITE_ZEROES: 1 << 6,
  DF: 1 << 7,
  MULTI_CONN: 1 << 8,
  RESIZE: 1 << 9,
  CACHE: 1 << 10,
  FAST_ZERO: 1 << 11,
  /** Only with extended headers: BLOCK_STATUS may name the contexts that it asks of. */
  BLOCK_STATUS_PAYLOAD: 1 << 12,
} as const;

export const Command = {
  READ: 0,
  WRITE: 1,
  DISC: 2,
  FLUSH: 3,
  TRIM: 4,
  CACHE: 5,
  WRITE_ZEROES: 6,
  BLOCK_STATUS: 7,
} as const;

export const CommandFlag = {
  FUA: 1 << 0,
  NO_HOLE: 1 << 1,
  DF: 1 << 2,
  REQ_ONE: 1 << 3,
  FAST_ZERO: 1 << 4,
  /** Only with extended headers: the length is that of a payload which follows. */
  PAYLOAD_LEN: 1 << 5,
} as const;

const CHUNK_IS_ERROR = 0x8000;

export const ChunkType = {
  NONE: 0,
  OFFSET_DATA: 1,
  OFFSET_HOLE: 2,
  BLOCK_STATUS: 5,
  BLOCK_STATUS_EXT: 6,
  ERROR: CHUNK_IS_ERROR + 1,
  ERROR_OFFSET: CHUNK_IS_ERROR + 2,
} as const;

export const ChunkFlag = { DONE: 1 } as const;

export function isErrorChunk(type: number): boolean {
  return type >= CHUNK_IS_ERROR;
}

/** A write's payload of `length` bytes follows. The cookie comes back in each reply. */
export const Request = struct(
  'nbd request',
  { magic: u32, flags: u16, type: u16, cookie: u64, offset: u64, length: u32 },
  wire,
);

/**
 * With extended headers (proto.md, "Request message"). With PAYLOAD_LEN, `length` bytes follow;
 * without, it is how much of the disk the command is about.
 */
export const ExtendedRequest = struct(
  'nbd extended request',
  { magic: u32, flags: u16, type: u16, cookie: u64, offset: u64, length: u64 },
  wire,
);

/** A successful read's data follows. */
export const SimpleReply = struct('nbd reply', { magic: u32, error: u32, cookie: u64 }, wire);

/** `length` bytes of payload follow. */
export const Chunk = struct(
  'nbd reply chunk',
  { magic: u32, flags: u16, type: u16, cookie: u64, length: u32 },
  wire,
);

/** The only kind of reply with extended headers; `offset` is the request's. */
export const ExtendedChunk = struct(
  'nbd extended reply chunk',
  { magic: u32, flags: u16, type: u16, cookie: u64, offset: u64, length: u64 },
  wire,
);

/** Head of an OFFSET_DATA payload; the data follows. */
export const OffsetData = struct('nbd data chunk', { offset: u64 }, wire);

export const OffsetHole = struct('nbd hole chunk', { offset: u64, length: u32 }, wire);

/** Head of a BLOCK_STATUS payload; extents follow. */
export const BlockStatus = struct('nbd block status chunk', { contextId: u32 }, wire);

export const StatusExtent = struct('nbd extent', { length: u32, flags: u32 }, wire);

/** Head of a BLOCK_STATUS_EXT payload; `count` extents follow. A count of 0 means: by the length. */
export const BlockStatusExt = struct(
  'nbd extended block status chunk',
  { contextId: u32, count: u32 },
  wire,
);

export const ExtendedExtent = struct('nbd extended extent', { length: u64, flags: u64 }, wire);

/** Head of the payload of a BLOCK_STATUS request; u32 numbers of contexts follow. */
export const StatusQuery = struct('nbd block status request', { length: u64 }, wire);

/** Head of an ERROR payload; the text follows, then for ERROR_OFFSET a u64 of the offset. */
export const ErrorChunk = struct('nbd error chunk', { error: u32, messageLength: u16 }, wire);
