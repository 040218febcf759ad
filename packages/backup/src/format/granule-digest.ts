import { hash } from 'node:crypto';
import { DIGEST_SIZE } from './index-file.ts';

/** The digest that an index keeps of a granule: SHA-256, cut to its first 16 bytes. */
export function granuleDigest(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer').subarray(0, DIGEST_SIZE);
}
