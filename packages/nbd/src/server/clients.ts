import type { Server, Socket } from 'node:net';
import type { Connection } from './connection.ts';
import type { Limits } from './limits.ts';

/** One more client that is gone. */
export interface ClientGone {
  /** Whether it had chosen an export. */
  readonly hasEntered: boolean;
  /** Clients that are still here; those that wait to be let in are not. */
  readonly left: number;
}

export interface ClientsOptions {
  /** As they are now. */
  readonly limits: () => Limits;
  readonly serve: (socket: Socket) => Connection;
  readonly onGone: (gone: ClientGone) => void;
}

/** Connections that a server keeps for later without a word, as the system does before it accepts. */
const MAX_WAITING = 128;

/** The clients that are served, and those that wait until one of them leaves. */
export class Clients {
  readonly #options: ClientsOptions;
  readonly #served = new Set<Connection>();
  readonly #waiting = new Set<Socket>();
  #isClosing = false;

  constructor(options: ClientsOptions) {
    this.#options = options;
  }

  /** Those that do not wait, as they come and go. */
  get served(): ReadonlySet<Connection> {
    return this.#served;
  }

  /** How many a server accepts. */
  static maxConnections({ clients, whenFull }: Limits): number {
    return whenFull === 'wait' ? clients + MAX_WAITING : clients;
  }

  add(socket: Socket): void {
    if (this.#isClosing) {
      socket.destroy();
    } else if (this.#served.size < this.#options.limits().clients) {
      void this.#serve(socket);
    } else {
      this.#waiting.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => this.#waiting.delete(socket));
    }
  }

  /** Hangs up on who waits, and ends with the others. Resolves when nobody is left. */
  async close(server: Server): Promise<void> {
    this.#isClosing = true;
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    for (const socket of this.#waiting) socket.destroy();
    await Promise.all(Array.from(this.#served, (connection) => connection.close()));
    await closed;
  }

  async #serve(socket: Socket): Promise<void> {
    const connection = this.#options.serve(socket);
    this.#served.add(connection);
    await connection.ended;
    this.#served.delete(connection);
    this.#options.onGone({ hasEntered: connection.hasEntered, left: this.#served.size });
    this.#letNextIn();
  }

  #letNextIn(): void {
    const [next] = this.#waiting;
    if (next === undefined || this.#isClosing) return;
    this.#waiting.delete(next);
    void this.#serve(next);
  }
}
