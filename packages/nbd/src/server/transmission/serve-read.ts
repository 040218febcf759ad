import type { BlockDevice } from '@tidemark/block';
import { CommandFlag } from '../../protocol/transmission.ts';
import type { Session } from '../handshake/negotiation.ts';
import { dataChunk, emptyChunk, holeChunk, simpleDataReply } from './replies.ts';
import type { NbdRequest } from './request.ts';

// To ask for holes costs about as much as to read this much, and so does one more chunk.
const MIN_HOLE = 64 * 1024;

/** A part of a read. Bytes. */
interface Piece {
  readonly offset: number;
  length: number;
  readonly isHole: boolean;
}

/** The whole reply to a valid read. @throws what the device throws */
export async function serveRead(request: NbdRequest, session: Session): Promise<Uint8Array[]> {
  const { device } = session.exported;
  const { offset, length, flags } = request;
  if ((flags & CommandFlag.FUA) !== 0) await device.flush();
  if (!session.isStructured) {
    const { bytes, data } = simpleDataReply(request, length);
    if (length > 0) await device.read(data, offset);
    return [bytes];
  }
  if (length === 0) return [emptyChunk(request)];
  if (length < MIN_HOLE || (flags & CommandFlag.DF) !== 0) {
    return [await readPiece(request, device, { offset, length, isLast: true })];
  }
  const pieces = await findPieces(device, offset, length);
  return allOf(
    pieces.map(async (piece, index) => {
      const part = { ...piece, isLast: index === pieces.length - 1 };
      return piece.isHole ? holeChunk(request, part) : readPiece(request, device, part);
    }),
  );
}

/** Unlike Promise.all, waits for all of them where one fails: until then the device is in use. */
async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

async function readPiece(
  request: NbdRequest,
  device: BlockDevice,
  part: { offset: number; length: number; isLast: boolean },
): Promise<Uint8Array> {
  const { bytes, data } = dataChunk(request, part);
  await device.read(data, part.offset);
  return bytes;
}

/** Data and large holes; what is small is read with what it lies in. */
async function findPieces(
  device: BlockDevice,
  offset: number,
  length: number,
): Promise<readonly Piece[]> {
  const pieces: Piece[] = [];
  for await (const extent of device.extents(offset, length)) {
    const isHole = extent.zero && extent.length >= MIN_HOLE;
    const last = pieces.at(-1);
    if (last?.isHole === isHole) last.length += extent.length;
    else pieces.push({ offset: extent.offset, length: extent.length, isHole });
  }
  return pieces;
}
