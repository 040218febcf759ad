import { randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { JsonFields } from '@tidemark/backup/parts';
import { isTidemarkError, TidemarkError } from '@tidemark/core';
import { corrupt } from '../format/corrupt.ts';
import { encodeJson, parseJson } from '../format/json.ts';
import { derive, open, seal } from './aes-sealer.ts';

/** What opens an encrypted repository. */
export type Secret =
  | { readonly kind: 'passphrase'; readonly passphrase: string }
  /** At least 32 bytes that nobody can guess. */
  | { readonly kind: 'key'; readonly key: Uint8Array };

const FORMAT = 'tidemark-repository-key';
const MAX_SLOT_SIZE = 4096;
/** 128 MiB of memory and some tenths of a second for each guess. RFC 7914. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1 };
/** What a damaged or planted slot may ask for at most: 1 GiB. */
const MAX_SCRYPT = { N: 2 ** 20, r: 8, p: 4 };
const MIN_KEY_SIZE = 32;

interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

async function stretch(passphrase: string, salt: Uint8Array, cost: Cost): Promise<Uint8Array> {
  const run = promisify<string, Uint8Array, number, object, Buffer>(scrypt);
  const maxmem = 128 * cost.N * cost.r + 2 ** 24;
  return run(passphrase.normalize('NFC'), salt, 32, { ...cost, maxmem });
}

async function keyOf(secret: Secret, salt: Uint8Array, cost: Cost): Promise<Uint8Array> {
  if (secret.kind === 'passphrase') return stretch(secret.passphrase, salt, cost);
  return derive(secret.key, salt, 'tidemark key file v1');
}

/** @throws USAGE */
function checkSecret(secret: Secret): void {
  if (secret.kind === 'passphrase' ? secret.passphrase !== '' : secret.key.length >= MIN_KEY_SIZE) {
    return;
  }
  const text =
    secret.kind === 'passphrase'
      ? 'a passphrase cannot be empty'
      : `a key has at least ${MIN_KEY_SIZE} bytes, and this one has ${secret.key.length}`;
  throw new TidemarkError('USAGE', text, { hint: 'head -c 32 /dev/urandom makes a key' });
}

/** The master key, sealed by a secret: an object of `keys/`. */
export async function sealMaster(master: Uint8Array, secret: Secret): Promise<Uint8Array> {
  checkSecret(secret);
  const salt = randomBytes(32);
  const key = await keyOf(secret, salt, SCRYPT);
  // A key that is used once needs no nonce of its own.
  const sealed = seal(key, new Uint8Array(12), new TextEncoder().encode(FORMAT), master);
  return encodeJson({
    format: FORMAT,
    version: 1,
    kind: secret.kind,
    salt: salt.toString('hex'),
    scrypt: SCRYPT,
    sealed: Buffer.from(sealed).toString('hex'),
  });
}

/** Undefined: the secret does not fit this slot. @throws BACKUP_CORRUPT */
export async function openMaster(
  bytes: Uint8Array,
  secret: Secret,
  where: string,
): Promise<Uint8Array | undefined> {
  const fields = new JsonFields(parseJson(bytes, MAX_SLOT_SIZE, where), where);
  fields.oneOf('format', [FORMAT]);
  fields.oneOf('version', [1]);
  const kind = fields.oneOf('kind', ['passphrase', 'key'] as const);
  if (kind !== secret.kind) return undefined;
  const salt = Buffer.from(fields.digest('salt'), 'hex');
  const sealed = Buffer.from(fields.text('sealed', 256), 'hex');
  const key = await keyOf(secret, salt, readCost(fields.object('scrypt'), where));
  try {
    return open(key, new Uint8Array(12), new TextEncoder().encode(FORMAT), sealed, where);
  } catch (error) {
    if (isTidemarkError(error, 'BACKUP_CORRUPT')) return undefined;
    throw error;
  }
}

function readCost(fields: JsonFields, where: string): Cost {
  const cost = { N: fields.size('N'), r: fields.size('r'), p: fields.size('p') };
  const isPower = cost.N >= 2 && Number.isInteger(Math.log2(cost.N));
  const isSmall = cost.N <= MAX_SCRYPT.N && cost.r <= MAX_SCRYPT.r && cost.p <= MAX_SCRYPT.p;
  if (isPower && isSmall && cost.r >= 1 && cost.p >= 1) return cost;
  throw corrupt(where, 'it asks for more work than any should');
}
