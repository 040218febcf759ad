import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { corrupt } from '../format/corrupt.ts';
import { SALT_SIZE, SEAL_SIZE } from '../format/limits.ts';
import { type PackSealer, type Sealer, TABLE_NUMBER } from './sealer.ts';

const CIPHER = 'aes-256-gcm';
const NONCE_SIZE = 12;

/**
 * AES-256-GCM, under a key for each pack and each object that HKDF-SHA-256 makes of the master key
 * and a new random salt of 32 bytes. So no nonce is ever random, and none is used twice: in a pack it
 * is the number of the blob, in an object there is one.
 */
export class AesSealer implements Sealer {
  readonly overhead = SEAL_SIZE;
  readonly #sealing: Uint8Array;
  readonly #naming: Uint8Array;

  /** `master`: 32 random bytes. */
  constructor(master: Uint8Array) {
    this.#sealing = derive(master, new Uint8Array(0), 'tidemark repository sealing v1');
    this.#naming = derive(master, new Uint8Array(0), 'tidemark repository naming v1');
  }

  /** Keyed: who does not have the key cannot learn which known contents are there. */
  digest(plain: Uint8Array): Uint8Array {
    return createHmac('sha256', this.#naming).update(plain).digest();
  }

  newSalt(): Uint8Array {
    return randomBytes(SALT_SIZE);
  }

  forPack(salt: Uint8Array): PackSealer {
    const key = derive(this.#sealing, salt, 'tidemark pack v1');
    return {
      seal: (number, plain) => seal(key, nonceOf(number), new Uint8Array(0), plain),
      open: (number, sealed, where) => open(key, nonceOf(number), new Uint8Array(0), sealed, where),
    };
  }

  sealObject(key: string, plain: Uint8Array): Uint8Array {
    const salt = this.newSalt();
    const own = derive(this.#sealing, salt, 'tidemark object v1');
    const sealed = seal(own, nonceOf(0), new TextEncoder().encode(key), plain);
    return Buffer.concat([salt, sealed]);
  }

  openObject(key: string, sealed: Uint8Array): Uint8Array {
    const own = derive(this.#sealing, sealed.subarray(0, SALT_SIZE), 'tidemark object v1');
    const content = sealed.subarray(SALT_SIZE);
    return open(own, nonceOf(0), new TextEncoder().encode(key), content, key);
  }
}

export function derive(key: Uint8Array, salt: Uint8Array, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, salt, purpose, 32));
}

function nonceOf(number: number): Uint8Array {
  if (!Number.isInteger(number) || number < 0 || number > TABLE_NUMBER) {
    throw new RangeError(`${number} is not the number of a blob`);
  }
  const nonce = new Uint8Array(NONCE_SIZE);
  new DataView(nonce.buffer).setUint32(NONCE_SIZE - 4, number);
  return nonce;
}

export function seal(
  key: Uint8Array,
  nonce: Uint8Array,
  about: Uint8Array,
  plain: Uint8Array,
): Uint8Array {
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(about);
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** @throws BACKUP_CORRUPT */
export function open(
  key: Uint8Array,
  nonce: Uint8Array,
  about: Uint8Array,
  sealed: Uint8Array,
  where: string,
): Uint8Array {
  if (sealed.length < SEAL_SIZE) throw corrupt(where, 'it is too short to be sealed');
  const end = sealed.length - SEAL_SIZE;
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: SEAL_SIZE });
  decipher.setAAD(about).setAuthTag(sealed.subarray(end));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()]);
  } catch (cause) {
    throw corrupt(where, 'its seal is broken', cause);
  }
}
