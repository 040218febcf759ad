import {
  Chunk,
  CHUNK_MAGIC,
  SIMPLE_REPLY_MAGIC,
  SimpleReply,
} from '../../protocol/transmission.ts';
import { readU64 } from '../../protocol/u64.ts';
import type { ByteReader } from '../byte-reader.ts';
import { protocolError } from '../faults.ts';
import { finish, type PendingReplies, replyOf, takeChunk } from './take-chunk.ts';

/** Hands each reply to who waits for it, until the connection ends. @throws why it ended */
export async function receiveReplies(
  reader: ByteReader,
  pending: PendingReplies,
  session: { readonly hasChunks: boolean },
): Promise<never> {
  const bytes = new Uint8Array(Chunk.size);
  const view = new DataView(bytes.buffer);
  for (;;) {
    await reader.readInto(bytes.subarray(0, SimpleReply.size));
    const magic = view.getUint32(0);
    if (magic === SIMPLE_REPLY_MAGIC) {
      const cookie = readU64(view, SimpleReply.offsetOf.cookie);
      const reply = replyOf(pending, cookie);
      const error = view.getUint32(SimpleReply.offsetOf.error);
      if (error === 0) await reply.takeSimple(reader, session);
      else reply.refuse(error, '');
      finish(pending, cookie);
    } else if (magic === CHUNK_MAGIC && session.hasChunks) {
      await reader.readInto(bytes.subarray(SimpleReply.size));
      const length = view.getUint32(Chunk.offsetOf.length);
      await takeChunk(view, length, { reader, pending });
    } else throw protocolError('a reply has a wrong magic number');
  }
}
