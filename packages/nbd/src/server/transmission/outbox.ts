import type { Socket } from 'node:net';

/** Up to here copying is cheaper than one more piece to send. */
const COPY_BYTES = 16 * 1024;

interface Reply {
  readonly parts: readonly Uint8Array[];
  readonly onSent: () => void;
}

/** Sends the replies of one turn of the event loop together. */
export class Outbox {
  readonly #socket: Socket;
  #replies: Reply[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** `onSent` is called once the system has the bytes or nobody is there to read them. */
  push(parts: readonly Uint8Array[], onSent: () => void): void {
    if (this.#replies.length === 0) setImmediate(() => this.#flush());
    this.#replies.push({ parts, onSent });
  }

  #flush(): void {
    const replies = this.#replies;
    this.#replies = [];
    const settle = () => {
      for (const { onSent } of replies) onSent();
    };
    if (this.#socket.destroyed) {
      settle();
      return;
    }
    const pieces = joinSmall(replies.flatMap(({ parts }) => parts));
    this.#socket.cork();
    for (const piece of pieces.slice(0, -1)) this.#socket.write(piece);
    // The last one is sent last, so it speaks for all.
    this.#socket.write(pieces.at(-1)!, settle);
    this.#socket.uncork();
  }
}

/** Neighbours that are small become one piece. */
function joinSmall(parts: readonly Uint8Array[]): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  const join = () => {
    if (small.length > 0) pieces.push(small.length === 1 ? small[0]! : Buffer.concat(small));
    small = [];
  };
  for (const part of parts) {
    if (part.length <= COPY_BYTES) {
      small.push(part);
      continue;
    }
    join();
    pieces.push(part);
  }
  join();
  return pieces;
}
