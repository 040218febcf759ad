import { MAX_EXTENTS_TAKEN } from '../../protocol/limits.ts';
import { BlockStatus, ChunkType, StatusExtent } from '../../protocol/transmission.ts';
import type { ByteReader } from '../byte-reader.ts';
import { protocolError } from '../faults.ts';
import { type ChunkHead, Reply } from './reply.ts';

export interface StatusRequest {
  readonly offset: number;
  readonly length: number;
  /** The context that is wanted; those of all others are passed over. */
  readonly contextId: number;
  /** All that were agreed on. */
  readonly contextIds: ReadonlySet<number>;
  /** Bytes from `offset` to the end of the device. */
  readonly room: number;
}

/** The extents of one metadata context. */
export class StatusReply extends Reply {
  readonly #request: StatusRequest;
  readonly #answered = new Set<number>();
  #extents: DataView = new DataView(new ArrayBuffer(0));

  constructor(request: StatusRequest) {
    super(`tell the status of ${request.length} bytes at ${request.offset}`, request.offset);
    this.#request = request;
  }

  /** In order from the request's offset; at least one byte of it, and the last may reach beyond. */
  *extents(): Generator<{ readonly length: number; readonly flags: number }> {
    for (let at = 0; at < this.#extents.byteLength; at += StatusExtent.size) {
      yield {
        length: this.#extents.getUint32(at),
        flags: this.#extents.getUint32(at + StatusExtent.offsetOf.flags),
      };
    }
  }

  override async takeSimple(): Promise<void> {
    throw protocolError('a block status was answered without extents');
  }

  override async takeChunk(head: ChunkHead, reader: ByteReader): Promise<void> {
    if (head.type !== ChunkType.BLOCK_STATUS) {
      await super.takeChunk(head, reader);
      return;
    }
    const size = head.length - BlockStatus.size;
    const count = size / StatusExtent.size;
    if (!(Number.isInteger(count) && count >= 1 && count <= MAX_EXTENTS_TAKEN)) {
      throw protocolError(`a block status chunk of ${head.length} bytes`);
    }
    const { contextId } = BlockStatus.decode(await reader.take(BlockStatus.size));
    this.#checkContext(contextId);
    if (contextId !== this.#request.contextId) {
      await reader.skip(size);
      return;
    }
    const { buffer, byteOffset, byteLength } = await reader.take(size);
    this.#extents = new DataView(buffer, byteOffset, byteLength);
    this.#checkExtents();
  }

  protected override checkComplete(): void {
    if (this.#answered.has(this.#request.contextId)) return;
    throw protocolError('a block status came without the context that was wanted');
  }

  #checkContext(id: number): void {
    if (!this.#request.contextIds.has(id)) {
      throw protocolError(`a block status of context ${id}, which was not agreed on`);
    }
    if (this.#answered.has(id)) throw protocolError(`two block status chunks of context ${id}`);
    this.#answered.add(id);
  }

  #checkExtents(): void {
    const { length, room } = this.#request;
    let at = 0;
    for (const extent of this.extents()) {
      if (extent.length === 0) throw protocolError('an extent of no bytes');
      if (at >= length) throw protocolError('an extent that begins where the request ended');
      at += extent.length;
    }
    if (at > room) throw protocolError('an extent beyond the end of the device');
  }
}
