import { MAX_STRING_BYTES } from '../../protocol/limits.ts';
import {
  Chunk,
  ChunkFlag,
  ChunkType,
  ErrorChunk,
  isErrorChunk,
} from '../../protocol/transmission.ts';
import { readU64 } from '../../protocol/u64.ts';
import type { ByteReader } from '../byte-reader.ts';
import { protocolError, serverText } from '../faults.ts';
import type { Reply } from './reply.ts';

/** The replies that are waited for, by the cookies of their requests. */
export type PendingReplies = Map<number, Reply>;

interface Receiving {
  readonly reader: ByteReader;
  readonly pending: PendingReplies;
}

const OFFSET_SIZE = 8;
const MAX_ERROR_BYTES = ErrorChunk.size + MAX_STRING_BYTES + OFFSET_SIZE;

/**
 * Hands a chunk, whose head is in `view`, to who waits for it. Both kinds of head begin alike;
 * `length` is that of the payload, in bytes. @throws PROTOCOL_ERROR
 */
export async function takeChunk(
  view: DataView,
  length: number,
  { reader, pending }: Receiving,
): Promise<void> {
  const flags = view.getUint16(Chunk.offsetOf.flags);
  const type = view.getUint16(Chunk.offsetOf.type);
  const cookie = readU64(view, Chunk.offsetOf.cookie);
  const isDone = (flags & ChunkFlag.DONE) !== 0;
  const reply = replyOf(pending, cookie);
  if (isErrorChunk(type)) await takeError(reply, { type, length }, reader);
  else if (type !== ChunkType.NONE) await reply.takeChunk({ type, length }, reader);
  else if (length > 0 || !isDone) throw protocolError('an empty chunk that is not empty');
  if (isDone) finish(pending, cookie);
}

async function takeError(
  reply: Reply,
  { type, length }: { readonly type: number; readonly length: number },
  reader: ByteReader,
): Promise<void> {
  if (length < ErrorChunk.size || length > MAX_ERROR_BYTES) {
    throw protocolError(`an error chunk of ${length} bytes`);
  }
  const payload = await reader.take(length);
  const { error, messageLength } = ErrorChunk.decode(payload);
  const end = ErrorChunk.size + messageLength;
  const rest = length - end;
  // What a type of error that we do not know has behind its text is its own matter.
  const isKnown = type === ChunkType.ERROR || type === ChunkType.ERROR_OFFSET;
  const isSound = isKnown ? rest === (type === ChunkType.ERROR ? 0 : OFFSET_SIZE) : rest >= 0;
  if (!isSound) throw protocolError(`an error chunk of ${length} bytes, ${messageLength} of text`);
  reply.refuse(error, serverText(payload.subarray(ErrorChunk.size, end)));
}

/** @throws PROTOCOL_ERROR */
export function replyOf(pending: PendingReplies, cookie: number): Reply {
  const reply = pending.get(cookie);
  if (reply === undefined)
    throw protocolError(`a reply to request ${cookie}, which is not waited for`);
  return reply;
}

/** @throws PROTOCOL_ERROR: something is missing; the reply stays and fails with the connection */
export function finish(pending: PendingReplies, cookie: number): void {
  pending.get(cookie)?.finish();
  pending.delete(cookie);
}
