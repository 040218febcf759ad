import { MAX_EXTENTS_TAKEN } from '../../protocol/limits.ts';
import {
  BlockStatus,
  BlockStatusExt,
  ChunkType,
  ExtendedExtent,
  StatusExtent,
} from '../../protocol/transmission.ts';
import { readU64 } from '../../protocol/u64.ts';
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
  /** Whether chunks may have 64 bits for lengths. */
  readonly isExtended: boolean;
}

/** How one kind of chunk is laid out: bytes, and what is in them. */
interface Layout {
  readonly head: number;
  readonly extent: number;
  /** How many extents the head tells of; 0 where it does not. */
  count(head: DataView): number;
  readonly length: (view: DataView, at: number) => number;
  readonly flags: (view: DataView, at: number) => number;
}

const COMPACT: Layout = {
  head: BlockStatus.size,
  extent: StatusExtent.size,
  count: () => 0,
  length: (view, at) => view.getUint32(at),
  flags: (view, at) => view.getUint32(at + StatusExtent.offsetOf.flags),
};

const EXTENDED: Layout = {
  head: BlockStatusExt.size,
  extent: ExtendedExtent.size,
  count: (head) => head.getUint32(BlockStatusExt.offsetOf.count),
  length: (view, at) => readU64(view, at),
  flags: (view, at) => readU64(view, at + ExtendedExtent.offsetOf.flags),
};

/** The extents of one metadata context. */
export class StatusReply extends Reply {
  readonly #request: StatusRequest;
  readonly #answered = new Set<number>();
  #layout = COMPACT;
  #extents: DataView = new DataView(new ArrayBuffer(0));

  constructor(request: StatusRequest) {
    super(`tell the status of ${request.length} bytes at ${request.offset}`, request.offset);
    this.#request = request;
  }

  /** In order from the request's offset; at least one byte of it, and the last may reach beyond. */
  *extents(): Generator<{ readonly length: number; readonly flags: number }> {
    const { extent, length, flags } = this.#layout;
    for (let at = 0; at < this.#extents.byteLength; at += extent) {
      yield { length: length(this.#extents, at), flags: flags(this.#extents, at) };
    }
  }

  override async takeSimple(): Promise<void> {
    throw protocolError('a block status was answered without extents');
  }

  override async takeChunk(head: ChunkHead, reader: ByteReader): Promise<void> {
    if (head.type === ChunkType.BLOCK_STATUS) await this.#take(head, reader, COMPACT);
    else if (head.type === ChunkType.BLOCK_STATUS_EXT && this.#request.isExtended) {
      await this.#take(head, reader, EXTENDED);
    } else await super.takeChunk(head, reader);
  }

  protected override checkComplete(): void {
    if (this.#answered.has(this.#request.contextId)) return;
    throw protocolError('a block status came without the context that was wanted');
  }

  async #take({ length }: ChunkHead, reader: ByteReader, layout: Layout): Promise<void> {
    const size = length - layout.head;
    const count = size / layout.extent;
    if (!(Number.isInteger(count) && count >= 1 && count <= MAX_EXTENTS_TAKEN)) {
      throw protocolError(`a block status chunk of ${length} bytes`);
    }
    const head = viewOf(await reader.take(layout.head));
    const told = layout.count(head);
    if (told !== 0 && told !== count) {
      throw protocolError(`a block status of ${count} extents that tells of ${told}`);
    }
    const contextId = head.getUint32(0);
    this.#checkContext(contextId);
    if (contextId !== this.#request.contextId) {
      await reader.skip(size);
      return;
    }
    this.#layout = layout;
    this.#extents = viewOf(await reader.take(size));
    this.#checkExtents();
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

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
