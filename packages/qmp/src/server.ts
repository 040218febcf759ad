import { createServer, type Server, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { type ListenOptions, listenOnSocket } from '@tidemark/unix-socket';
import { QmpSession } from './session.ts';
import type { QmpTarget } from './target.ts';
import { qmpVersion, type QmpVersion } from './version.ts';

const MAX_CLIENTS = 64;
/** Bytes of events that a client may leave unread. */
const MAX_UNREAD = 16 * 1024 * 1024;

/** What becomes of a client. Ids begin at 1 in each server. */
export interface QmpClientEvent {
  readonly id: number;
  readonly what: 'came' | 'left' | 'command';
  /** The name of a command that it gives. */
  readonly command?: string;
}

/** Of a new `QmpServer`. */
export interface QmpServerOptions {
  readonly target: QmpTarget;
  /** Name and version of the program, for the greeting: `tidemark 0.1.0`. */
  readonly product: string;
  /** Told of clients and of what they ask for, not with which arguments. Default: nobody. */
  readonly onClient?: (event: QmpClientEvent) => void;
  /** Lets one change in at a time, where others than this server's clients make some. */
  readonly takeTurn?: <T>(work: () => Promise<T>) => Promise<T>;
}

/** A QMP server on a unix socket. Clients may come together; their commands run one at a time. */
export class QmpServer implements AsyncDisposable {
  readonly #target: QmpTarget;
  readonly #version: QmpVersion;
  readonly #server: Server;
  readonly #clients = new Map<Socket, Promise<void>>();
  readonly #onClient: (event: QmpClientEvent) => void;
  #lastClient = 0;
  readonly #takeTurn: NonNullable<QmpServerOptions['takeTurn']>;
  #queue: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(options: QmpServerOptions) {
    const { target, product, takeTurn = (work) => work(), onClient = () => {} } = options;
    this.#onClient = onClient;
    this.#takeTurn = takeTurn;
    this.#target = target;
    this.#version = qmpVersion(product);
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#welcome(socket));
    this.#server.maxConnections = MAX_CLIENTS;
  }

  /**
   * Takes the place of a socket that nobody listens on, as a crash leaves it.
   * @throws LOCKED (somebody listens), FILE_EXISTS (no socket), FILE_NOT_FOUND (its folder), USAGE,
   *   PERMISSION_DENIED, IO_FAILED
   */
  async listen(path: string, options: ListenOptions = {}): Promise<void> {
    await listenOnSocket(this.#server, path, options);
  }

  /** Lets running commands finish and their replies go out; takes no more. Idempotent. */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #welcome(socket: Socket): void {
    // Who hangs up before he is greeted breaks his connection, and nothing else.
    socket.on('error', () => {});
    const conversation = this.#converse(socket).catch(() => {
      // The client is gone. What it asked for is done or not; nobody waits for the answer.
    });
    this.#clients.set(socket, conversation);
    void conversation.finally(() => {
      this.#clients.delete(socket);
      socket.destroy();
    });
  }

  async #converse(socket: Socket): Promise<void> {
    const id = ++this.#lastClient;
    this.#onClient({ id, what: 'came' });
    const session = new QmpSession({
      onCommand: (command) => this.#onClient({ id, what: 'command', command }),
      target: this.#target,
      version: this.#version,
      client: socket,
      serially: (work) => this.#serially(work),
    });
    const unlisten = this.#target.listen((event) => {
      if (session.negotiated) tell(socket, session.event(event));
    });
    try {
      await this.#answer(socket, session);
    } finally {
      unlisten();
      await this.#serially(() => this.#target.views.abandon(socket));
      this.#onClient({ id, what: 'left' });
    }
  }

  async #answer(socket: Socket, session: QmpSession): Promise<void> {
    await send(socket, session.greeting());
    for await (const chunk of socket as AsyncIterable<Uint8Array>) {
      for await (const reply of session.push(chunk)) await send(socket, reply);
      if (session.quitting) {
        await end(socket);
        this.#target.quit();
        return;
      }
      if (this.#closing !== undefined) return;
    }
    await end(socket);
  }

  async #serially<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(() => this.#takeTurn(work));
    this.#queue = done.catch(() => {});
    return done;
  }

  async #close(): Promise<void> {
    const closed = this.#server.listening
      ? new Promise<void>((resolve) => this.#server.close(() => resolve()))
      : Promise.resolve();
    await this.#queue;
    // The answer to the last command is written right after it.
    await setImmediate();
    for (const [socket, conversation] of this.#clients) {
      socket.destroy();
      await conversation;
    }
    await closed;
  }
}

/** Resolves when the kernel has taken the line: a client that does not read fills no memory. */
async function send(socket: Socket, line: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.write(line, (error) => (error ? reject(error) : resolve()));
  });
}

/** An event, which nobody waits with. Who does not read is not told for ever. */
function tell(socket: Socket, line: string): void {
  if (socket.writableLength > MAX_UNREAD) socket.destroy();
  else socket.write(line, () => {});
}

async function end(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => socket.end(resolve));
}
