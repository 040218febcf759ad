// proto.md, "Transmission phase", "Request types", "Structured reply types".
import { struct, u16, u32, u64 } from '@tidemark/core';

const wire = { errorCode: 'PROTOCOL_ERROR' } as const;

export const REQUEST_MAGIC = 0x25609513;
export const SIMPLE_REPLY_MAGIC = 0x67446698;
export const CHUNK_MAGIC = 0x668e33ef;

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
} as const;

const CHUNK_IS_ERROR = 0x8000;

export const ChunkType = {
  NONE: 0,
  OFFSET_DATA: 1,
  OFFSET_HOLE: 2,
  BLOCK_STATUS: 5,
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

/** A successful read's data follows. */
export const SimpleReply = struct('nbd reply', { magic: u32, error: u32, cookie: u64 }, wire);

/** `length` bytes of payload follow. */
export const Chunk = struct(
  'nbd reply chunk',
  { magic: u32, flags: u16, type: u16, cookie: u64, length: u32 },
  wire,
);

/** Head of an OFFSET_DATA payload; the data follows. */
export const OffsetData = struct('nbd data chunk', { offset: u64 }, wire);

export const OffsetHole = struct('nbd hole chunk', { offset: u64, length: u32 }, wire);

/** Head of a BLOCK_STATUS payload; extents follow. */
export const BlockStatus = struct('nbd block status chunk', { contextId: u32 }, wire);

export const StatusExtent = struct('nbd extent', { length: u32, flags: u32 }, wire);

/** Head of an ERROR payload; the text follows, then for ERROR_OFFSET a u64 of the offset. */
export const ErrorChunk = struct('nbd error chunk', { error: u32, messageLength: u16 }, wire);
