import { connect, type Socket } from 'node:net';
import { TidemarkError } from '@tidemark/core';
import type { NbdAddress } from '../server/listen.ts';
import type { ClientTls } from '../tls/client-tls.ts';
import { ByteReader } from './byte-reader.ts';
import { connectionLost, protocolError } from './faults.ts';

/** A socket to a server: bytes in, bytes out, and one reason for its end. */
export class Transport {
  #reader: ByteReader;
  #socket: Socket;
  #closed: Promise<void>;
  #isConnected = false;
  #isCorked = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#reader = new ByteReader(socket);
    socket.on('connect', () => {
      this.#isConnected = true;
    });
    this.#closed = this.#watch(socket, this.#reader);
  }

  /** Begins to connect; what is sent before it is connected waits. */
  static open(address: NbdAddress): Transport {
    const options =
      address.type === 'unix'
        ? { path: address.path }
        : { host: address.host, port: address.port, noDelay: true, keepAlive: true };
    return new Transport(connect(options));
  }

  get reader(): ByteReader {
    return this.#reader;
  }

  /**
   * Goes on encrypted. What came before TLS began may be of anybody, and is never taken for something
   * that came encrypted. @throws PERMISSION_DENIED: a side does not trust the other; PROTOCOL_ERROR
   */
  async secure(tls: ClientTls): Promise<void> {
    if (!this.#reader.isEmpty) throw protocolError('the server went on before TLS had begun');
    this.#reader.detach();
    const socket = await tls.secure(this.#socket);
    this.#socket = socket;
    this.#reader = new ByteReader(socket);
    this.#closed = this.#watch(socket, this.#reader);
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

  /** Bytes that have come so far. */
  get received(): number {
    return this.#socket.bytesRead;
  }

  /** Ends at once, for this reason. */
  destroy(reason: Error): void {
    this.#reader.end(reason);
    this.#socket.destroy();
  }

  /** Sends what is left and waits until the server has ended too, or for `timeout` milliseconds. */
  async finish(timeout: number): Promise<void> {
    const timer = setTimeout(() => this.#socket.destroy(), timeout);
    this.#socket.end();
    await this.#closed;
    clearTimeout(timer);
  }

  #watch(socket: Socket, reader: ByteReader): Promise<void> {
    socket.on('error', (error) => {
      reader.end(this.#isConnected ? broken(error) : connectError(error));
    });
    socket.on('end', () => reader.end(connectionLost('the server closed the connection')));
    return new Promise((resolve) => {
      socket.on('close', () => {
        reader.end(connectionLost('the connection is closed'));
        resolve();
      });
    });
  }

  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    const socket = this.#socket;
    socket.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      socket.uncork();
    });
  }
}

function broken(error: Error): TidemarkError {
  const code = 'code' in error ? String(error.code) : '';
  if (!code.startsWith('ERR_SSL_')) return connectionLost('the connection broke', error);
  // With TLS 1.3 a server tells so when the client takes itself for let in already.
  const hint = 'check the certificate or key that it is to know us by';
  return new TidemarkError('PERMISSION_DENIED', 'the server does not let us in', { hint }, error);
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
