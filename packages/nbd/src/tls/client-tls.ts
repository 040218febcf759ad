import { isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { TidemarkError } from '@tidemark/core';
import { checkTlsOptions } from './check-tls-options.ts';
import { PSK_CIPHERS } from './psk-ciphers.ts';
import { readCertificates, readSharedKeys } from './read-credentials.ts';

/** How a client makes sure of its server, and says who it is. */
export type NbdClientTls = CertificateTls | SharedKeyTls;

interface CertificateTls {
  readonly type: 'x509';
  /**
   * Holds `ca-cert.pem`, who vouches for the server, and, where the server asks for one,
   * `client-cert.pem` with `client-key.pem`. Default: whom Node trusts, and no certificate.
   */
  readonly certificates?: string;
  /** Who the certificate of the server has to be for. */
  readonly hostname: string;
  /** False: whoever answers is taken for the server. */
  readonly verifyPeer: boolean;
}

interface SharedKeyTls {
  readonly type: 'psk';
  /** Lines of NAME:HEX. */
  readonly keyFile: string;
  /** Which of them. */
  readonly username: string;
}

/** Loaded credentials of a client. */
export class ClientTls {
  readonly #options: ConnectionOptions;

  private constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** @throws FILE_NOT_FOUND, PERMISSION_DENIED, USAGE: files that are none of TLS */
  static async load(tls: NbdClientTls): Promise<ClientTls> {
    return new ClientTls(tls.type === 'psk' ? await sharedKey(tls) : await certificates(tls));
  }

  /** @throws PERMISSION_DENIED: a side does not trust the other; PROTOCOL_ERROR */
  async secure(socket: Socket): Promise<TLSSocket> {
    const secured = connect({ ...this.#options, socket });
    try {
      await new Promise<void>((resolve, reject) => {
        secured.once('secureConnect', resolve);
        secured.once('error', reject);
        secured.once('close', () => reject(new Error('the server hung up')));
      });
      return secured;
    } catch (error) {
      // It may have more to complain of; this is told already.
      secured.on('error', () => {});
      secured.destroy();
      throw new TidemarkError(
        'PERMISSION_DENIED',
        `TLS failed: ${error instanceof Error ? error.message : String(error)}`,
        { hint: 'check the certificates or keys of both sides, and the name of the server' },
        error,
      );
    }
  }
}

async function certificates(tls: CertificateTls): Promise<ConnectionOptions> {
  const { hostname, verifyPeer } = tls;
  const wanted = { side: 'client', needsCa: verifyPeer, needsCertificate: false } as const;
  const dir = tls.certificates;
  const files = dir === undefined ? {} : await readCertificates(dir, wanted);
  checkTlsOptions(files, dir ?? '');
  return {
    ...files,
    rejectUnauthorized: verifyPeer,
    // A number is no name to ask for, but what the certificate is checked against.
    servername: isIP(hostname) === 0 ? hostname : '',
    checkServerIdentity: (_, certificate) => checkServerIdentity(hostname, certificate),
  };
}

async function sharedKey({ keyFile, username }: SharedKeyTls): Promise<ConnectionOptions> {
  const psk = (await readSharedKeys(keyFile)).get(username);
  if (psk === undefined) {
    throw new TidemarkError('USAGE', `'${keyFile}' has no key of '${username}'`, {
      where: keyFile,
      hint: 'name one that it has: nbds://NAME@HOST/EXPORT',
    });
  }
  return {
    ciphers: PSK_CIPHERS,
    pskCallback: () => ({ psk, identity: username }),
    // Who knows the key shows no certificate; one who shows one need not know the key.
    checkServerIdentity: (_, certificate) =>
      Object.keys(certificate).length === 0
        ? undefined
        : new Error('the server does not know the key'),
  };
}
