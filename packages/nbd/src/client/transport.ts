import { connect, type Socket } from 'node:net';
import { TidemarkError } from '@tidemark/core';
import type { NbdAddress } from '../server/listen.ts';
import { ByteReader } from './byte-reader.ts';
import { connectionLost } from './faults.ts';

/** A socket to a server: bytes in, bytes out, and one reason for its end. */
export class Transport {
  readonly reader: ByteReader;
  readonly #socket: Socket;
  readonly #closed: Promise<void>;
  #isConnected = false;
  #isCorked = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.reader = new ByteReader(socket);
    socket.on('connect', () => {
      this.#isConnected = true;
    });
    socket.on('error', (error) => {
      const broken = this.#isConnected
        ? connectionLost('the connection broke', error)
        : connectError(error);
      this.reader.end(broken);
    });
    socket.on('end', () => this.reader.end(connectionLost('the server closed the connection')));
    this.#closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.reader.end(connectionLost('the connection is closed'));
        resolve();
      });
    });
  }

  /** Begins to connect; what is sent before it is connected waits. */
  static open(address: NbdAddress): Transport {
    const options =
      address.type === 'unix'
        ? { path: address.path }
        : { host: address.host, port: address.port, noDelay: true, keepAlive: true };
    return new Transport(connect(options));
  }

  /**
   * Sends bytes, together with all else that is sent in this turn of the event loop. Resolves when
   * the socket has let go of them, sent or not: a failure is told by the reader.
   */
  send(...parts: readonly Uint8Array[]): Promise<void> {
    this.#cork();
    return new Promise((resolve) => {
      for (const part of parts.slice(0, -1)) this.#socket.write(part);
      this.#socket.write(parts.at(-1)!, () => resolve());
    });
  }

  /** Ends at once, for this reason. */
  destroy(reason: Error): void {
    this.reader.end(reason);
    this.#socket.destroy();
  }

  /** Sends what is left and waits until the server has ended too, or for `timeout` milliseconds. */
  async finish(timeout: number): Promise<void> {
    const timer = setTimeout(() => this.#socket.destroy(), timeout);
    this.#socket.end();
    await this.#closed;
    clearTimeout(timer);
  }

  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      this.#socket.uncork();
    });
  }
}

function connectError(error: Error): TidemarkError {
  const code = 'code' in error ? error.code : undefined;
  if (code === 'EACCES' || code === 'EPERM') {
    const hint = 'run as a user who may use the socket';
    return new TidemarkError('PERMISSION_DENIED', 'access is denied', { hint }, error);
  }
  const hint = 'check the address, and that a server runs';
  const why = code === 'ENOENT' ? 'there is no such socket' : 'no connection could be made';
  return new TidemarkError('CONNECTION_LOST', why, { hint }, error);
}
