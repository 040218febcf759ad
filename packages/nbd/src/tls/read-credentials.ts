import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { fromSystemError } from '@tidemark/block';
import { isTidemarkError, TidemarkError } from '@tidemark/core';

/** Bytes of a certificate, a key, a list of revoked ones, or a file of shared keys. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** Certificate and key of one side, and who vouches for the other. All PEM. */
export interface CertificateFiles {
  readonly ca?: Buffer;
  /** Certificates that no longer count. */
  readonly crl?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** What of a folder a side needs to have; what is optional is used where it is there. */
export interface WantedFiles {
  readonly side: 'server' | 'client';
  readonly needsCa: boolean;
  readonly needsCertificate: boolean;
}

/**
 * Reads a folder of certificates with the names that QEMU and libnbd use: `ca-cert.pem`,
 * `ca-crl.pem`, `server-cert.pem`, `server-key.pem`, `client-cert.pem`, `client-key.pem`.
 * @throws FILE_NOT_FOUND, PERMISSION_DENIED, I/O codes
 */
export async function readCertificates(
  dir: string,
  { side, needsCa, needsCertificate }: WantedFiles,
): Promise<CertificateFiles> {
  const read = (name: string, isNeeded: boolean) => readOptional(join(dir, name), isNeeded);
  const ca = await read('ca-cert.pem', needsCa);
  const crl = await read('ca-crl.pem', false);
  const cert = await read(`${side}-cert.pem`, needsCertificate);
  const key = await read(`${side}-key.pem`, needsCertificate || cert !== undefined);
  return { ...(ca && { ca }), ...(crl && { crl }), ...(cert && { cert }), ...(key && { key }) };
}

/**
 * Reads keys that both sides know: a line `NAME:HEX` for each, as psktool writes them.
 * @throws USAGE: not such a file; FILE_NOT_FOUND, PERMISSION_DENIED, I/O codes
 */
export async function readSharedKeys(path: string): Promise<ReadonlyMap<string, Buffer>> {
  const text = (await readLimited(path)).toString();
  const keys = new Map<string, Buffer>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const parts = /^(?<name>[^:]+):(?<key>(?:[0-9a-f]{2})+)$/i.exec(line)?.groups;
    if (parts === undefined) throw badKeys(path, `line ${index + 1} is not NAME:HEX`);
    keys.set(parts['name']!, Buffer.from(parts['key']!, 'hex'));
  }
  if (keys.size === 0) throw badKeys(path, 'there is no key in it');
  return keys;
}

async function readOptional(path: string, isNeeded: boolean): Promise<Buffer | undefined> {
  try {
    return await readLimited(path);
  } catch (error) {
    if (!isNeeded && isTidemarkError(error, 'FILE_NOT_FOUND')) return undefined;
    throw error;
  }
}

async function readLimited(path: string): Promise<Buffer> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    if (size > MAX_FILE_BYTES) {
      throw new TidemarkError('USAGE', `'${path}' is too long for TLS credentials`, {
        where: path,
        hint: 'check that it is the file that is meant',
      });
    }
    return await file.readFile();
  } catch (error) {
    throw isTidemarkError(error) ? error : fromSystemError(error, path);
  }
}

function badKeys(path: string, why: string): TidemarkError {
  return new TidemarkError('USAGE', `'${path}' holds no shared keys for TLS: ${why}`, {
    where: path,
    hint: 'make it with psktool, or write NAME:HEX in a line',
  });
}
