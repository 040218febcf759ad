import type { Socket } from 'node:net';
import { join } from 'node:path';
import { createServer, type TlsOptions, type TLSSocket } from 'node:tls';
import { TidemarkError } from '@tidemark/core';
import { distinguishedName } from './distinguished-name.ts';
import { PSK_CIPHERS } from './psk-ciphers.ts';
import { readCertificates, readSharedKeys } from './read-credentials.ts';
import { checkTlsOptions } from './check-tls-options.ts';

/** What a server shows and asks for. With it, whoever does not speak TLS is turned away. */
export interface NbdServerTls {
  /**
   * `x509`: certificates in `dir`, by QEMU's names. `psk`: `keys.psk` in `dir`, a line `NAME:HEX`
   * for each client.
   */
  readonly type: 'x509' | 'psk';
  readonly dir: string;
  /** Of x509: a client needs a certificate that `ca-cert.pem` vouches for. Default true. */
  readonly verifyPeer?: boolean;
  /**
   * Whether a client may come in, by the name in its certificate (`O=Example,CN=client`) or of its
   * key. Default: each one that could prove its name.
   */
  readonly allows?: (name: string) => boolean;
}

/** A connection that is encrypted from here on. */
export interface SecuredClient {
  readonly socket: TLSSocket;
  /** Absent where the client need not prove one. */
  readonly name: string | undefined;
}

/** Loaded credentials of a server. */
export class ServerTls {
  readonly #options: TlsOptions;
  readonly #keys: ReadonlyMap<string, Buffer> | undefined;
  readonly #allows: (name: string) => boolean;

  private constructor(
    options: TlsOptions,
    keys: ReadonlyMap<string, Buffer> | undefined,
    allows: (name: string) => boolean = () => true,
  ) {
    this.#options = options;
    this.#keys = keys;
    this.#allows = allows;
  }

  /** @throws FILE_NOT_FOUND, PERMISSION_DENIED, USAGE: files that are none of TLS */
  static async load(tls: NbdServerTls): Promise<ServerTls> {
    const { type, dir, verifyPeer = true, allows } = tls;
    if (type === 'psk') {
      const keys = await readSharedKeys(join(dir, 'keys.psk'));
      return new ServerTls({ ciphers: PSK_CIPHERS }, keys, allows);
    }
    if (allows !== undefined && !verifyPeer) {
      throw new TidemarkError('USAGE', 'a client that need not prove its name has none', {
        hint: 'leave out the list of names, or verify-peer=off',
      });
    }
    const wanted = { side: 'server', needsCa: verifyPeer, needsCertificate: true } as const;
    const files = await readCertificates(dir, wanted);
    const options = { ...files, requestCert: verifyPeer, rejectUnauthorized: verifyPeer };
    checkTlsOptions(options, dir);
    return new ServerTls(options, undefined, allows);
  }

  /**
   * Takes part in a TLS handshake.
   * @throws PERMISSION_DENIED: the client is not let in; PROTOCOL_ERROR, CONNECTION_LOST
   */
  async secure(socket: Socket): Promise<SecuredClient> {
    let keyName: string | undefined;
    const keys = this.#keys;
    const pskCallback = (_: TLSSocket, name: string) => {
      keyName = name;
      return keys?.get(name) ?? null;
    };
    // A server that never listens: Node checks the client's certificate there, and not in a socket.
    const server = createServer({ ...this.#options, ...(keys && { pskCallback }) });
    const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
    server.once('secureConnection', resolve);
    server.once('tlsClientError', (error) => reject(handshakeFailed(error)));
    socket.once('close', () => reject(handshakeFailed(new Error('the client left'))));
    // Who ends in the midst of a handshake is gone; afterwards he may still wait for replies.
    const { allowHalfOpen } = socket;
    socket.allowHalfOpen = false;
    server.emit('connection', socket);
    const secured = await promise;
    secured.allowHalfOpen = allowHalfOpen;
    // A broken connection closes; there is nobody to tell.
    secured.on('error', () => {});
    const certificate = secured.getPeerX509Certificate();
    const name = keyName ?? (certificate && distinguishedName(certificate));
    if (name === undefined || this.#allows(name)) return { socket: secured, name };
    secured.destroy();
    throw new TidemarkError('PERMISSION_DENIED', `the client '${name}' is not on the list`);
  }
}

function handshakeFailed(cause: Error): TidemarkError {
  return new TidemarkError('PROTOCOL_ERROR', `TLS failed: ${cause.message}`, {}, cause);
}
