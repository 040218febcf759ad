import { writeSync, writevSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { BufferPool } from '../buffer-pool.ts';
import { type Handle, handleOf } from '../own-memory.ts';

/** Up to here copying is cheaper than one more piece to send. */
const COPY_BYTES = 16 * 1024;
/** Bytes of small replies that lie in a row. */
const BATCH_BYTES = 128 * 1024;
/** Bytes that are sent before the turn is over: by then a processor has them no longer at hand. */
const SEND_BYTES = 128 * 1024;
/** Bytes that may wait for a client: before more is read for it, it gets these. */
const MAX_UNSENT = SEND_BYTES;
/** Bytes for one client in a turn: then it is that of others. */
const MAX_TURN_BYTES = 1024 * 1024;

/** What the system has taken, or what nobody is there to read. */
export interface Sent {
  readonly replies: number;
  /** As the callers of `push` counted. */
  readonly bytes: number;
}

/** Replies in a row, up to the next time that some are sent. */
interface Batch {
  replies: number;
  bytes: number;
  /** Bytes of the pieces, and of those parts of the row that are none yet. */
  length: number;
  readonly pieces: Uint8Array[];
  /** Goes back to the pool once it is sent. */
  readonly pooled: Uint8Array[];
}

/** Sends the replies of one turn of the event loop together. */
export class Outbox {
  readonly #socket: Socket;
  readonly #handle: Handle | undefined;
  readonly #pool: BufferPool;
  readonly #onSent: (sent: Sent) => void;
  #batch: Batch = newBatch();
  /** Small replies lie here; those before `#sealed` are pieces already. */
  #row: Buffer | undefined;
  #sealed = 0;
  #end = 0;
  /** Bytes since the last flush. */
  #turnLength = 0;
  #isFlushing = false;
  /** The system takes no more. */
  #isBroken = false;

  /** `onSent` is called in `push` and `flush`, or later. */
  constructor(socket: Socket, pool: BufferPool, onSent: (sent: Sent) => void) {
    this.#socket = socket;
    this.#handle = handleOf(socket);
    this.#pool = pool;
    this.#onSent = onSent;
  }

  /** Whether the client should be given what there is first, or has had its turn. */
  get isFull(): boolean {
    const unsent = this.#batch.length + this.#socket.writableLength;
    return unsent >= MAX_UNSENT || this.#turnLength >= MAX_TURN_BYTES;
  }

  /**
   * Room for a reply, where a small one need not be copied any more if it is the next to be pushed.
   */
  take(length: number): Buffer {
    if (length > COPY_BYTES) return this.#pool.take(length);
    return this.#rowFor(length).subarray(this.#end, this.#end + length);
  }

  /** What `take` gave, if it is not going to be pushed. */
  release(bytes: Uint8Array): void {
    if (bytes.buffer !== this.#row?.buffer) this.#pool.release(bytes);
  }

  /** `bytes` of memory are held by it until it is sent: at once if that is much, or in `flush`. */
  push(parts: readonly Uint8Array[], bytes: number): void {
    this.#batch.replies += 1;
    this.#batch.bytes += bytes;
    for (const part of parts) this.#add(part);
    if (this.#batch.length >= SEND_BYTES) this.#send();
  }

  /** Sends what there is at the end of this turn of the event loop. */
  flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => {
      this.#isFlushing = false;
      this.flush();
    });
  }

  /** Sends what there is, at the end of a turn. */
  flush(): void {
    this.#turnLength = 0;
    if (this.#batch.length > 0) this.#send();
  }

  #send(): void {
    this.#seal();
    const { pieces, pooled, replies, bytes, length } = this.#batch;
    const taken = this.#sendNow(pieces, length);
    this.#batch = newBatch();
    const settle = () => {
      for (const part of pooled) this.#pool.release(part);
      this.#onSent({ replies, bytes });
    };
    if (taken === length) {
      this.#sealed = 0;
      this.#end = 0;
      settle();
      return;
    }
    if (this.#row !== undefined) pooled.push(this.#row);
    this.#row = undefined;
    this.#sealed = 0;
    this.#end = 0;
    // As late as a socket tells: it makes room for requests, whose replies come here again.
    if (this.#isBroken || this.#socket.destroyed) setImmediate(settle);
    else this.#sendSoon(behind(pieces, taken), settle);
  }

  /**
   * To the descriptor itself, which is much cheaper than what a stream does for a write.
   * @returns how many bytes the system has taken
   */
  #sendNow(pieces: readonly Uint8Array[], length: number): number {
    const fd = this.#handle?.fd ?? -1;
    // Not before what waits already.
    if (fd === -1 || this.#socket.destroyed || this.#socket.writableLength > 0) return 0;
    try {
      return pieces.length === 1 ? writeSync(fd, pieces[0]!, 0, length) : writevSync(fd, pieces);
    } catch {
      // It has no room, or the client is gone: the socket finds out.
      return 0;
    }
  }

  #sendSoon(pieces: readonly Uint8Array[], settle: () => void): void {
    this.#socket.cork();
    for (const piece of pieces.slice(0, -1)) this.#socket.write(piece);
    // The last one is sent last, so it speaks for all.
    this.#socket.write(pieces.at(-1)!, (error) => {
      // A socket that is written to while it tells of this would tell of some writes twice.
      if (error) this.#isBroken = true;
      settle();
    });
    this.#socket.uncork();
  }

  #add(part: Uint8Array): void {
    this.#batch.length += part.length;
    this.#turnLength += part.length;
    if (part.length > COPY_BYTES) {
      this.#seal();
      this.#batch.pieces.push(part);
      this.#batch.pooled.push(part);
      return;
    }
    const row = this.#rowFor(part.length);
    const isInPlace = part.buffer === row.buffer && part.byteOffset === row.byteOffset + this.#end;
    if (!isInPlace) {
      row.set(part, this.#end);
      this.#pool.release(part);
    }
    this.#end += part.length;
  }

  #rowFor(length: number): Buffer {
    if (this.#row !== undefined && this.#end + length <= this.#row.length) return this.#row;
    if (this.#row !== undefined) {
      this.#seal();
      this.#batch.pooled.push(this.#row);
    }
    this.#sealed = 0;
    this.#end = 0;
    this.#row = this.#pool.take(BATCH_BYTES);
    return this.#row;
  }

  /** What lies in a row becomes one piece. */
  #seal(): void {
    if (this.#row === undefined || this.#end === this.#sealed) return;
    this.#batch.pieces.push(this.#row.subarray(this.#sealed, this.#end));
    this.#sealed = this.#end;
  }
}

function newBatch(): Batch {
  return { replies: 0, bytes: 0, length: 0, pieces: [], pooled: [] };
}

/** What is left behind the first `taken` bytes: at least one piece. */
function behind(pieces: readonly Uint8Array[], taken: number): readonly Uint8Array[] {
  let skip = taken;
  const left: Uint8Array[] = [];
  for (const piece of pieces) {
    if (skip < piece.length) left.push(skip === 0 ? piece : piece.subarray(skip));
    skip = Math.max(0, skip - piece.length);
  }
  return left;
}
