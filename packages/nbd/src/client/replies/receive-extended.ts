import { Chunk, EXTENDED_CHUNK_MAGIC, ExtendedChunk } from '../../protocol/transmission.ts';
import { readU64 } from '../../protocol/u64.ts';
import type { ByteReader } from '../byte-reader.ts';
import { protocolError } from '../faults.ts';
import { type PendingReplies, replyOf, takeChunk } from './take-chunk.ts';

/** As `receiveReplies`, with extended headers: all replies are chunks, and all heads alike. */
export async function receiveExtendedReplies(
  reader: ByteReader,
  pending: PendingReplies,
): Promise<never> {
  const bytes = new Uint8Array(ExtendedChunk.size);
  const view = new DataView(bytes.buffer);
  for (;;) {
    await reader.readInto(bytes);
    if (view.getUint32(0) !== EXTENDED_CHUNK_MAGIC) {
      throw protocolError('a reply has a wrong magic number');
    }
    const { offset } = replyOf(pending, readU64(view, Chunk.offsetOf.cookie));
    const told = readU64(view, ExtendedChunk.offsetOf.offset);
    if (told !== offset) {
      throw protocolError(`a reply for offset ${told} to a request for ${offset}`);
    }
    const length = readU64(view, ExtendedChunk.offsetOf.length);
    await takeChunk(view, length, { reader, pending });
  }
}
