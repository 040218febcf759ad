import { hash, randomBytes } from 'node:crypto';
import { SALT_SIZE } from '../format/limits.ts';

/** Seals the blobs of one pack: each under a number of its own. */
export interface PackSealer {
  seal(number: number, plain: Uint8Array): Uint8Array;
  /** @throws BACKUP_CORRUPT */
  open(number: number, sealed: Uint8Array, where: string): Uint8Array;
}

/** How a repository names and seals what it stores. */
export interface Sealer {
  /** Bytes that sealing adds to a blob. */
  readonly overhead: number;
  /** 32 bytes that name a content. */
  digest(plain: Uint8Array): Uint8Array;
  /** A new salt for a pack: 32 random bytes. */
  newSalt(): Uint8Array;
  forPack(salt: Uint8Array): PackSealer;
  /** Seals a small object, which can be opened under its own key only. */
  sealObject(key: string, plain: Uint8Array): Uint8Array;
  /** @throws BACKUP_CORRUPT */
  openObject(key: string, sealed: Uint8Array): Uint8Array;
}

/** The number under which the table of a pack is sealed. */
export const TABLE_NUMBER = 0xffff_ffff;

const AS_IS: PackSealer = { seal: (_, plain) => plain, open: (_, sealed) => sealed };

/** Of a repository that is not encrypted. */
export const PLAIN_SEALER: Sealer = {
  overhead: 0,
  digest: (plain) => hash('sha256', plain, 'buffer'),
  newSalt: () => randomBytes(SALT_SIZE),
  forPack: () => AS_IS,
  sealObject: (_, plain) => plain,
  openObject: (_, sealed) => sealed,
};
