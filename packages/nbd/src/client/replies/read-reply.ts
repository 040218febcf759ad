import { ChunkType, OffsetData, OffsetHole } from '../../protocol/transmission.ts';
import { readU64 } from '../../protocol/u64.ts';
import type { ByteReader } from '../byte-reader.ts';
import { protocolError } from '../faults.ts';
import { Coverage } from './coverage.ts';
import { type ChunkHead, Reply } from './reply.ts';

/** Fills the buffer of a read, from one simple reply or from chunks in any order. */
export class ReadReply extends Reply {
  readonly #target: Uint8Array;
  readonly #offset: number;
  readonly #come: Coverage;

  constructor(target: Uint8Array, offset: number) {
    super(`read ${target.length} bytes at ${offset}`, offset);
    this.#target = target;
    this.#offset = offset;
    this.#come = new Coverage(target.length);
  }

  override async takeSimple(reader: ByteReader, session: { hasChunks: boolean }): Promise<void> {
    if (session.hasChunks) throw protocolError('a read was answered without chunks');
    this.#place(this.#offset, this.#target.length);
    await reader.readInto(this.#target);
  }

  override async takeChunk(head: ChunkHead, reader: ByteReader): Promise<void> {
    if (head.type === ChunkType.OFFSET_DATA) await this.#takeData(head.length, reader);
    else if (head.type === ChunkType.OFFSET_HOLE) await this.#takeHole(head.length, reader);
    else await super.takeChunk(head, reader);
  }

  protected override checkComplete(): void {
    if (!this.#come.isComplete) throw protocolError('a read ended before all of it had come');
  }

  async #takeData(length: number, reader: ByteReader): Promise<void> {
    if (length <= OffsetData.size) throw protocolError(`a data chunk of ${length} bytes`);
    const head = await reader.take(OffsetData.size);
    const place = this.#place(readU64(viewOf(head), 0), length - OffsetData.size);
    await reader.readInto(place);
  }

  async #takeHole(length: number, reader: ByteReader): Promise<void> {
    if (length !== OffsetHole.size) throw protocolError(`a hole chunk of ${length} bytes`);
    const view = viewOf(await reader.take(OffsetHole.size));
    this.#place(readU64(view, 0), view.getUint32(OffsetHole.offsetOf.length)).fill(0);
  }

  /** Where in the buffer a chunk belongs. @throws PROTOCOL_ERROR */
  #place(offset: number, length: number): Uint8Array {
    const start = offset - this.#offset;
    if (!this.#come.add(start, length)) {
      throw protocolError(
        `a chunk of ${length} bytes at ${offset}, which is outside the read or there already`,
      );
    }
    return this.#target.subarray(start, start + length);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
