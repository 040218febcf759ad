import { Command } from '../../protocol/transmission.ts';
import type { Session } from '../handshake/negotiation.ts';
import { findFault } from './check-request.ts';
import { type DataReply, dataChunk, doneReply, type Room, simpleDataReply } from './replies.ts';
import type { NbdRequest } from './request.ts';
import { isOnePiece } from './serve-read.ts';

/**
 * Serves a read or a write in this tick, where the device can. Undefined: it is not done, or in
 * part, and is to be served in the other way.
 */
export function serveNow(
  request: NbdRequest,
  session: Session,
  room: Room,
): readonly Uint8Array[] | undefined {
  const { type, length, flags } = request;
  // With FUA there is a flush to wait for.
  if (length === 0 || flags !== 0) return undefined;
  if (type === Command.READ) return readNow(request, session, room);
  return type === Command.WRITE ? writeNow(request, session) : undefined;
}

function readNow(
  request: NbdRequest,
  session: Session,
  room: Room,
): readonly Uint8Array[] | undefined {
  const { device } = session.exported;
  if (device.readNow === undefined || findFault(request, session) !== undefined) return undefined;
  if (session.isStructured && !isOnePiece(request, session)) return undefined;
  const { bytes, data } = replyTo(request, session, room);
  if (device.readNow(data, request.offset)) return [bytes];
  room.release(bytes);
  return undefined;
}

function replyTo(request: NbdRequest, session: Session, room: Room): DataReply {
  const { offset, length } = request;
  if (!session.isStructured) return simpleDataReply(request, length, room);
  return dataChunk(request, { offset, length, isLast: true }, room);
}

function writeNow(request: NbdRequest, session: Session): readonly Uint8Array[] | undefined {
  const { device } = session.exported;
  if (device.writeNow === undefined || findFault(request, session) !== undefined) return undefined;
  return device.writeNow(request.payload, request.offset) ? [doneReply(request)] : undefined;
}
