import {
  BlockStatus,
  BlockStatusExt,
  ChunkType,
  ErrorChunk,
  ExtendedExtent,
  OffsetData,
  OffsetHole,
  SIMPLE_REPLY_MAGIC,
  SimpleReply,
  StatusExtent,
} from '../../protocol/transmission.ts';
import { MAX_STRING_BYTES } from '../../protocol/limits.ts';
import { putU64 } from '../../protocol/u64.ts';
import type { StatusRun } from '../meta-context.ts';
import { chunk, headSize, writeCookie } from './reply-head.ts';
import type { NbdRequest } from './request.ts';

/** Where the memory of replies comes from. */
export interface Room {
  take(length: number): Buffer;
  /** Nobody uses it any more. */
  release(bytes: Uint8Array): void;
}

/** A reply in the making: its head is written in front of data that is read into place. */
export interface DataReply {
  readonly bytes: Uint8Array;
  /** The part of `bytes` that the data goes to. */
  readonly data: Uint8Array;
}

interface ChunkOptions {
  readonly isLast: boolean;
}

/** To a request that succeeded and asked for nothing. */
export function doneReply(request: NbdRequest): Uint8Array {
  return request.isExtended ? emptyChunk(request) : simpleReply(request);
}

/** Never with extended headers. */
export function simpleReply(request: NbdRequest, errno = 0): Uint8Array {
  return simpleHead(request, errno, Buffer.allocUnsafe(SimpleReply.size));
}

/** To a read, without structured replies. */
export function simpleDataReply(request: NbdRequest, length: number, pool: Room): DataReply {
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
  pool: Room,
): DataReply {
  const payload = OffsetData.size + length;
  const head = headSize(request);
  const target = pool.take(head + payload);
  const bytes = chunk(request, { type: ChunkType.OFFSET_DATA, payload, isLast }, target);
  putU64(bytes, head + OffsetData.offsetOf.offset, offset);
  return { bytes, data: bytes.subarray(head + OffsetData.size) };
}

export function holeChunk(
  request: NbdRequest,
  { offset, length, isLast }: { offset: number; length: number } & ChunkOptions,
): Uint8Array {
  const head = headSize(request);
  const bytes = chunk(request, { type: ChunkType.OFFSET_HOLE, payload: OffsetHole.size, isLast });
  putU64(bytes, head + OffsetHole.offsetOf.offset, offset);
  bytes.writeUInt32BE(length, head + OffsetHole.offsetOf.length);
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
  options: ChunkOptions,
): Uint8Array {
  if (request.isExtended) return extendedStatusChunk(request, contextId, runs, options);
  const payload = BlockStatus.size + runs.length * StatusExtent.size;
  const head = headSize(request);
  const bytes = chunk(request, { type: ChunkType.BLOCK_STATUS, payload, ...options });
  bytes.writeUInt32BE(contextId, head + BlockStatus.offsetOf.contextId);
  let at = head + BlockStatus.size;
  for (const { length, flags } of runs) {
    bytes.writeUInt32BE(length, at + StatusExtent.offsetOf.length);
    bytes.writeUInt32BE(flags, at + StatusExtent.offsetOf.flags);
    at += StatusExtent.size;
  }
  return bytes;
}

/** Always the long form with extended headers: a run may be of 4 GiB and more. */
function extendedStatusChunk(
  request: NbdRequest,
  contextId: number,
  runs: readonly StatusRun[],
  options: ChunkOptions,
): Uint8Array {
  const payload = BlockStatusExt.size + runs.length * ExtendedExtent.size;
  const head = headSize(request);
  const bytes = chunk(request, { type: ChunkType.BLOCK_STATUS_EXT, payload, ...options });
  bytes.writeUInt32BE(contextId, head + BlockStatusExt.offsetOf.contextId);
  bytes.writeUInt32BE(runs.length, head + BlockStatusExt.offsetOf.count);
  let at = head + BlockStatusExt.size;
  for (const { length, flags } of runs) {
    putU64(bytes, at + ExtendedExtent.offsetOf.length, length);
    putU64(bytes, at + ExtendedExtent.offsetOf.flags, flags);
    at += ExtendedExtent.size;
  }
  return bytes;
}

export function errorChunk(request: NbdRequest, errno: number, text: string): Uint8Array {
  const message = Buffer.from(text).subarray(0, MAX_STRING_BYTES);
  const payload = ErrorChunk.size + message.length;
  const head = headSize(request);
  const bytes = chunk(request, { type: ChunkType.ERROR, payload, isLast: true });
  bytes.writeUInt32BE(errno, head + ErrorChunk.offsetOf.error);
  bytes.writeUInt16BE(message.length, head + ErrorChunk.offsetOf.messageLength);
  bytes.set(message, head + ErrorChunk.size);
  return bytes;
}
