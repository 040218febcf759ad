import {
  BlockStatus,
  Chunk,
  CHUNK_MAGIC,
  ChunkFlag,
  ChunkType,
  ErrorChunk,
  OffsetData,
  OffsetHole,
  SIMPLE_REPLY_MAGIC,
  SimpleReply,
  StatusExtent,
} from '../../protocol/transmission.ts';
import { MAX_STRING_BYTES } from '../../protocol/limits.ts';
import { writeU64 } from '../../protocol/u64.ts';
import type { BufferPool } from '../buffer-pool.ts';
import type { StatusRun } from '../meta-context.ts';
import type { NbdRequest } from './request.ts';

/** A reply in the making: its head is written in front of data that is read into place. */
export interface DataReply {
  readonly bytes: Uint8Array;
  /** The part of `bytes` that the data goes to. */
  readonly data: Uint8Array;
}

interface ChunkOptions {
  readonly isLast: boolean;
}

export function simpleReply(request: NbdRequest, errno = 0): Uint8Array {
  return simpleHead(request, errno, Buffer.allocUnsafe(SimpleReply.size));
}

/** To a read, without structured replies. */
export function simpleDataReply(request: NbdRequest, length: number, pool: BufferPool): DataReply {
  const bytes = simpleHead(request, 0, pool.take(SimpleReply.size + length));
  return { bytes, data: bytes.subarray(SimpleReply.size) };
}

function simpleHead(request: NbdRequest, errno: number, bytes: Buffer): Buffer {
  bytes.writeUInt32BE(SIMPLE_REPLY_MAGIC, SimpleReply.offsetOf.magic);
  bytes.writeUInt32BE(errno, SimpleReply.offsetOf.error);
  writeCookie(bytes, SimpleReply.offsetOf.cookie, request);
  return bytes;
}

/** `length` bytes of data that lie at `offset` of the disk. */
export function dataChunk(
  request: NbdRequest,
  { offset, length, isLast }: { offset: number; length: number } & ChunkOptions,
  pool: BufferPool,
): DataReply {
  const payload = OffsetData.size + length;
  const target = pool.take(Chunk.size + payload);
  const bytes = chunk(request, { type: ChunkType.OFFSET_DATA, payload, isLast }, target);
  writeU64(viewOf(bytes), Chunk.size + OffsetData.offsetOf.offset, offset);
  return { bytes, data: bytes.subarray(Chunk.size + OffsetData.size) };
}

export function holeChunk(
  request: NbdRequest,
  { offset, length, isLast }: { offset: number; length: number } & ChunkOptions,
): Uint8Array {
  const bytes = chunk(request, { type: ChunkType.OFFSET_HOLE, payload: OffsetHole.size, isLast });
  writeU64(viewOf(bytes), Chunk.size + OffsetHole.offsetOf.offset, offset);
  bytes.writeUInt32BE(length, Chunk.size + OffsetHole.offsetOf.length);
  return bytes;
}

/** The end of a reply that has nothing in it. */
export function emptyChunk(request: NbdRequest): Uint8Array {
  return chunk(request, { type: ChunkType.NONE, payload: 0, isLast: true });
}

export function statusChunk(
  request: NbdRequest,
  contextId: number,
  runs: readonly StatusRun[],
  { isLast }: ChunkOptions,
): Uint8Array {
  const payload = BlockStatus.size + runs.length * StatusExtent.size;
  const bytes = chunk(request, { type: ChunkType.BLOCK_STATUS, payload, isLast });
  bytes.writeUInt32BE(contextId, Chunk.size + BlockStatus.offsetOf.contextId);
  let at = Chunk.size + BlockStatus.size;
  for (const { length, flags } of runs) {
    bytes.writeUInt32BE(length, at + StatusExtent.offsetOf.length);
    bytes.writeUInt32BE(flags, at + StatusExtent.offsetOf.flags);
    at += StatusExtent.size;
  }
  return bytes;
}

export function errorChunk(request: NbdRequest, errno: number, text: string): Uint8Array {
  const message = Buffer.from(text).subarray(0, MAX_STRING_BYTES);
  const payload = ErrorChunk.size + message.length;
  const bytes = chunk(request, { type: ChunkType.ERROR, payload, isLast: true });
  bytes.writeUInt32BE(errno, Chunk.size + ErrorChunk.offsetOf.error);
  bytes.writeUInt16BE(message.length, Chunk.size + ErrorChunk.offsetOf.messageLength);
  bytes.set(message, Chunk.size + ErrorChunk.size);
  return bytes;
}

function chunk(
  request: NbdRequest,
  { type, payload, isLast }: { type: number; payload: number } & ChunkOptions,
  bytes: Buffer = Buffer.allocUnsafe(Chunk.size + payload),
): Buffer {
  bytes.writeUInt32BE(CHUNK_MAGIC, Chunk.offsetOf.magic);
  bytes.writeUInt16BE(isLast ? ChunkFlag.DONE : 0, Chunk.offsetOf.flags);
  bytes.writeUInt16BE(type, Chunk.offsetOf.type);
  writeCookie(bytes, Chunk.offsetOf.cookie, request);
  bytes.writeUInt32BE(payload, Chunk.offsetOf.length);
  return bytes;
}

function writeCookie(bytes: Buffer, at: number, { cookieHigh, cookieLow }: NbdRequest): void {
  bytes.writeUInt32BE(cookieHigh, at);
  bytes.writeUInt32BE(cookieLow, at + 4);
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
