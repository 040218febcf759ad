import { CommandFlag } from '../../protocol/transmission.ts';
import type { BufferPool } from '../buffer-pool.ts';
import type { Session } from '../handshake/negotiation.ts';
import { dataChunk, emptyChunk, holeChunk, simpleDataReply } from './replies.ts';
import type { NbdRequest } from './request.ts';

/** Bytes that are asked about at once, where a read is the first of several. */
const LOOK_AHEAD = 64 * 1024 * 1024;

/** A part of a read. Bytes. */
interface Piece {
  readonly offset: number;
  length: number;
  readonly isHole: boolean;
}

/** The whole reply to a valid read. @throws what the device throws */
export async function serveRead(
  request: NbdRequest,
  session: Session,
  pool: BufferPool,
): Promise<Uint8Array[]> {
  const { device } = session.exported;
  const { offset, length, flags } = request;
  if ((flags & CommandFlag.FUA) !== 0) await device.flush();
  if (!session.isStructured) {
    const { bytes, data } = simpleDataReply(request, length, pool);
    if (length > 0) await device.read(data, offset);
    return [bytes];
  }
  if (length === 0) return [emptyChunk(request)];
  const { knownData } = session.exported;
  const search = isOnePiece(request, session) ? undefined : knownData.searchOf(offset, length);
  // Once: where it finds holes, each looks for its own, which is quick there.
  if (search !== undefined) await search;
  if (isOnePiece(request, session)) {
    return [await readPiece(request, { offset, length, isLast: true }, session, pool)];
  }
  const pieces = await findPieces(request, session);
  return allOf(
    pieces.map(async (piece, index) => {
      const part = { ...piece, isLast: index === pieces.length - 1 };
      return piece.isHole ? holeChunk(request, part) : readPiece(request, part, session, pool);
    }),
  );
}

/** Whether it is sent as data, whatever holes it has. */
export function isOnePiece({ offset, length, flags }: NbdRequest, { exported }: Session): boolean {
  if (length < exported.smallestHole || (flags & CommandFlag.DF) !== 0) return true;
  return exported.knownData.covers(offset, length);
}

async function readPiece(
  request: NbdRequest,
  part: { readonly offset: number; readonly length: number; readonly isLast: boolean },
  session: Session,
  pool: BufferPool,
): Promise<Uint8Array> {
  const { bytes, data } = dataChunk(request, part, pool);
  await session.exported.device.read(data, part.offset);
  return bytes;
}

/** Unlike Promise.all, waits for all of them where one fails: until then the device is in use. */
async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

/** Data and large holes; what is small is read with what it lies in. */
async function findPieces(request: NbdRequest, session: Session): Promise<readonly Piece[]> {
  const { device, knownData } = session.exported;
  const { offset, length } = request;
  // The device may have become smaller since the client came.
  const size = Math.min(session.size, device.size);
  const ahead = Math.max(length, Math.min(LOOK_AHEAD, size - offset));
  const endSearch = knownData.beginSearch(offset, ahead);
  try {
    return await piecesOf(request, session, ahead);
  } finally {
    endSearch();
  }
}

async function piecesOf(
  { offset, length }: NbdRequest,
  { exported: { device, knownData, smallestHole } }: Session,
  ahead: number,
): Promise<readonly Piece[]> {
  const end = offset + length;
  const pieces: Piece[] = [];
  for await (const extent of device.extents(offset, ahead)) {
    if (!extent.zero) knownData.add(extent.offset, extent.length);
    const bytes = Math.min(extent.length, end - extent.offset);
    const isHole = extent.zero && bytes >= smallestHole;
    const last = pieces.at(-1);
    if (last?.isHole === isHole) last.length += bytes;
    else pieces.push({ offset: extent.offset, length: bytes, isHole });
    if (extent.offset + bytes >= end) break;
  }
  return pieces;
}
