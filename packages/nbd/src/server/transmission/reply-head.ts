import {
  Chunk,
  CHUNK_MAGIC,
  ChunkFlag,
  EXTENDED_CHUNK_MAGIC,
  ExtendedChunk,
} from '../../protocol/transmission.ts';
import type { NbdRequest } from './request.ts';

/** Bytes before the payload of a chunk. */
export function headSize({ isExtended }: NbdRequest): number {
  return isExtended ? ExtendedChunk.size : Chunk.size;
}

export interface ChunkHead {
  readonly type: number;
  /** Bytes. */
  readonly payload: number;
  readonly isLast: boolean;
}

/** A chunk whose payload is still to be filled in. */
export function chunk(
  request: NbdRequest,
  { type, payload, isLast }: ChunkHead,
  bytes: Buffer = Buffer.allocUnsafe(headSize(request) + payload),
): Buffer {
  const { isExtended } = request;
  // Both kinds of head begin alike.
  bytes.writeUInt32BE(isExtended ? EXTENDED_CHUNK_MAGIC : CHUNK_MAGIC, Chunk.offsetOf.magic);
  bytes.writeUInt16BE(isLast ? ChunkFlag.DONE : 0, Chunk.offsetOf.flags);
  bytes.writeUInt16BE(type, Chunk.offsetOf.type);
  writeCookie(bytes, Chunk.offsetOf.cookie, request);
  if (isExtended) writeExtended(bytes, request, payload);
  else bytes.writeUInt32BE(payload, Chunk.offsetOf.length);
  return bytes;
}

function writeExtended(bytes: Buffer, request: NbdRequest, payload: number): void {
  const { offset, length } = ExtendedChunk.offsetOf;
  // As the client sent it, whatever it was.
  bytes.writeUInt32BE(request.offsetHigh, offset);
  bytes.writeUInt32BE(request.offsetLow, offset + 4);
  bytes.writeUInt32BE(0, length);
  bytes.writeUInt32BE(payload, length + 4);
}

export function writeCookie(
  bytes: Buffer,
  at: number,
  { cookieHigh, cookieLow }: NbdRequest,
): void {
  bytes.writeUInt32BE(cookieHigh, at);
  bytes.writeUInt32BE(cookieLow, at + 4);
}
