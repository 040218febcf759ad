import { Socket } from 'node:net';
import type { BufferPool } from './buffer-pool.ts';
import type { Inbox } from './inbox.ts';

/** What Node has behind a socket, and does not document. */
export interface Handle {
  /** -1 once it is closed. */
  readonly fd?: number;
}

interface Inside extends Socket {
  _handle?: Handle | null;
}

interface InsideOptions {
  readonly handle: Handle;
  readonly manualStart: true;
}

const handles = new WeakMap<Socket, Handle>();

/**
 * A socket in place of one that has read nothing yet, that receives into memory which is used
 * again: Node makes 64 KiB of it anew for each read otherwise, which costs more than to serve most
 * requests. `onread` is Node's own way to that, but not for what a server accepts, so the handle
 * moves from one socket to the other. Where this Node has none to move, it is the same socket.
 */
export function withOwnMemory(accepted: Socket, pool: BufferPool, inbox: () => Inbox): Socket {
  const inside: Inside = accepted;
  const handle = inside._handle;
  if (handle === undefined || handle === null) return accepted;
  let isNew = true;
  // Asked for the first time while the socket is made.
  const target = () => (isNew ? undefined : inbox().target);
  const options: InsideOptions & ConstructorParameters<typeof Socket>[0] = {
    handle,
    manualStart: true,
    allowHalfOpen: true,
    onread: {
      // Asked for after each read.
      buffer: () => target() ?? pool.arrivalsRoom,
      // False: no more, for now.
      callback: (count, bytes) => inbox().received(bytes, count),
    },
  };
  const socket: Inside = new Socket(options);
  if (socket._handle !== handle) return accepted;
  inside._handle = null;
  isNew = false;
  handles.set(socket, handle);
  // The server counts the one that it has accepted.
  socket.once('close', () => accepted.destroy());
  return socket;
}

/** Of a socket that `withOwnMemory` has made: what is written there is not encrypted. */
export function handleOf(socket: Socket): Handle | undefined {
  return handles.get(socket);
}
